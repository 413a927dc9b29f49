"""Every answer is in the log or counted as dropped, whatever is killed, full or away."""

import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from msgspec import Raw

from pipeline.stage import StageError
from serving.predictions.log import ID, About, Answered, Label, Log
from serving.predictions.record import FIRST
from serving.predictions.store import PREDICTIONS
from tests.serving import disks, logs
from tests.serving.logs import answer, log_of, sqlite, stored, until
from tests.serving.postgres import Postgres

ROUNDS = 6  # of killing, each at another instant


def closed(log: Log) -> None:
    log.start()
    log.close(logs.SECONDS)


def test_a_prediction_is_kept_with_all_that_it_came_from(url: str, tmp_path: Path) -> None:
    log = log_of(url, tmp_path)
    log.start()
    (one,) = log.take(1)
    log.append(12.5, one, [("mine", 0.002, [0.75], [logs.SAID])])
    log.close(logs.SECONDS)

    assert logs.table(url, PREDICTIONS) == [
        {
            "id": one,
            "at": 12.5,
            "release": "a" * 40,
            "environment": "dev",
            "deployment": 7,
            "request": "mine",
            "seconds": 0.002,
            "input": logs.ROW.decode(),
            "prediction": 0.75,
            "decision": True,
        }
    ]
    assert list((tmp_path / "spool").iterdir()) == []


def test_rows_of_one_request_keep_their_order(url: str, tmp_path: Path) -> None:
    log = log_of(url, tmp_path)
    log.start()
    ids = list(log.take(3))
    rows = [{"a": 0}, {"a": 1}, {"a": "\0 é"}]
    log.append(1.0, ids[0], [("r\0", 0.0, [0.1, 0.5, 0.9], rows)])
    log.close(logs.SECONDS)

    found = {row["id"]: row for row in logs.table(url, PREDICTIONS)}
    assert [found[one]["prediction"] for one in ids] == [0.1, 0.5, 0.9]
    assert [found[one]["decision"] for one in ids] == [False, True, True]
    assert [found[one]["input"] for one in ids] == ['{"a":0}', '{"a":1}', '{"a":"\\u0000 é"}']


def test_without_a_threshold_nothing_is_decided(url: str, tmp_path: Path) -> None:
    log = log_of(url, tmp_path, about=About("b" * 40, "prod", 1))
    answer(log)
    closed(log)

    (row,) = logs.table(url, PREDICTIONS)
    assert row["decision"] is None


def test_ids_are_fresh_over_threads_and_processes(tmp_path: Path) -> None:
    one, other = log_of(sqlite(tmp_path), tmp_path), log_of(sqlite(tmp_path), tmp_path)
    ids = [id for log in (one, other) for count in (1, 5, 1) for id in log.take(count)]

    assert len(set(ids)) == 14
    assert all(ID.fullmatch(id) for id in ids)
    assert ids[0].endswith(str(FIRST))


def test_a_request_of_more_than_a_segment_is_kept_in_parts(tmp_path: Path) -> None:
    log = log_of(sqlite(tmp_path), tmp_path, spool_mb=1)
    log.start()
    ids = answer(log, 5000)  # 200 KB where a segment has 128
    log.close(logs.SECONDS)

    assert log.dropped == 0
    assert stored(sqlite(tmp_path)) == set(ids)


def test_requests_of_one_tick_are_kept_each_with_its_own(url: str, tmp_path: Path) -> None:
    log = log_of(url, tmp_path)
    log.start()
    ids = list(log.take(3))
    both = [("one", 0.25, [0.1], [{"a": 1}]), ("other", 0.5, [0.2, 0.3], [{"a": 2}, {"a": 3}])]
    log.append(1.0, ids[0], both)
    log.close(logs.SECONDS)

    wanted = ("id", "request", "seconds", "input", "prediction")
    found = {tuple(row[name] for name in wanted) for row in logs.table(url, PREDICTIONS)}
    assert found == {
        (ids[0], "one", 0.25, '{"a":1}', 0.1),
        (ids[1], "other", 0.5, '{"a":2}', 0.2),
        (ids[2], "other", 0.5, '{"a":3}', 0.3),
    }


def test_what_is_no_json_or_no_number_is_dropped_and_counted(tmp_path: Path) -> None:
    log = log_of(sqlite(tmp_path), tmp_path)
    log.start()
    log.append(1.0, log.take(1).first, [("r", 0.0, [0.5], [Raw(b"{")])])
    log.append(1.0, log.take(2).first, [("r", 0.0, [0.5, 0.5], [{}])])
    log.append(1.0, log.take(1).first, [("r", 0.0, [object()], [{}])])  # type: ignore[list-item]
    kept = list(log.take(2))
    log.append(1.0, kept[0], [("r", 0.0, np.array([0.5, 0.25], np.float32), [{}, {}])])  # type: ignore[list-item]
    log.close(logs.SECONDS)

    assert stored(sqlite(tmp_path)) == set(kept)
    assert log.dropped == 4
    assert logs.dropped(sqlite(tmp_path)) == 4


def test_a_request_that_nobody_can_write_takes_no_other_along(tmp_path: Path) -> None:
    log = log_of(sqlite(tmp_path), tmp_path)
    log.start()
    ids = list(log.take(7))
    right: Answered = ("r", 0.0, [0.5, 0.5], [{}, {}])
    wrong: Answered = ("r", 0.0, [0.5], [object()])
    log.append(1.0, ids[0], [right, wrong, right, right])
    log.close(logs.SECONDS)

    assert stored(sqlite(tmp_path)) == {*ids[:2], *ids[3:]}
    assert log.dropped == logs.dropped(sqlite(tmp_path)) == 1


def test_requests_of_more_than_a_segment_together_are_kept_in_parts(tmp_path: Path) -> None:
    log = log_of(sqlite(tmp_path), tmp_path, spool_mb=1)
    log.start()
    ids = list(log.take(3000))
    log.append(1.0, ids[0], [("r", 0.0, [0.5] * 1000, [logs.SAID] * 1000)] * 3)
    log.close(logs.SECONDS)

    assert log.dropped == 0
    assert stored(sqlite(tmp_path)) == set(ids)


def test_the_newest_label_holds_in_any_order(url: str, tmp_path: Path) -> None:
    log = log_of(url, tmp_path)
    a, b, c = log.take(3)
    log.label([Label(a, 0.0, 2.0), Label(a, 1.0, 3.0), Label(b, 1.0, 5.0)])
    closed(log)  # before the predictions are there
    log = log_of(url, tmp_path)
    log.label([Label(a, 0.0, 1.0), Label(b, 0.0, 6.0), Label(c, 1.0, 1.0)])
    log.label([Label(c, 1.0, 1.0)])
    closed(log)

    assert logs.labels(url) == {a: 1.0, b: 0.0, c: 1.0}


def test_a_label_for_what_is_no_id_is_dropped(tmp_path: Path) -> None:
    log = log_of(sqlite(tmp_path), tmp_path)
    log.label([Label("x' \0", 1.0, 1.0), Label(log.take(1).first, 1.0, 1.0)])
    closed(log)

    assert log.dropped == 1
    assert len(logs.labels(sqlite(tmp_path))) == 1


def grown(told: Path, size: int) -> bool:
    return told.exists() and told.stat().st_size > size


def more(url: str, count: int) -> bool:
    return len(stored(url)) > count


def test_a_killed_process_loses_nothing_that_it_answered(url: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    for _ in range(ROUNDS):
        before = told.stat().st_size if told.exists() else 0
        with logs.appender(url, tmp_path, told) as process:
            until(partial(grown, told, before))
            logs.instant()
            process.kill()
    logs.recover(url, tmp_path)

    answered = logs.told_ids(told)
    assert len(answered) > ROUNDS
    missing = answered - stored(url)
    assert len(missing) <= logs.dropped(url)
    assert not list((tmp_path / "spool").iterdir())


def test_beyond_its_bound_the_spool_drops_and_counts(tmp_path: Path) -> None:
    """Even where the process is killed, and nobody has seen the number."""
    url, told = sqlite(tmp_path), tmp_path / "told"
    with sqlite3.connect(tmp_path / "predictions.db", isolation_level=None) as locking:
        locking.execute("PRAGMA journal_mode = WAL")
        locking.execute("BEGIN IMMEDIATE")
        with logs.appender(url, tmp_path, told, spool_mb=1, pause=0) as process:
            until(partial(grown, told, 1_200_000))
            process.kill()
            process.wait(logs.SECONDS)
        used = sum(path.stat().st_size for path in (tmp_path / "spool").glob("*.segment"))
        assert used <= 1024**2
        locking.execute("ROLLBACK")
    logs.recover(url, tmp_path)

    answered, found = logs.told_ids(told), stored(url)
    assert len(found) > 1000
    # The last request may be kept or counted, and was not told.
    assert 0 <= logs.dropped(url) - len(answered - found) <= 40
    assert len(answered - found) > 1000


def test_requests_go_on_while_the_database_is_away(
    postgres: Postgres,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = postgres.database().replace("postgres@", "postgres:unsaid@")
    log = log_of(url, tmp_path)
    log.start()
    ids = answer(log)
    until(lambda: stored(url) == set(ids))
    with caplog.at_level(logging.WARNING):
        postgres.stop("immediate")
        try:
            for _ in range(100):
                ids += answer(log)
            until(lambda: "predictions wait in the spool" in caplog.text)
            assert log.waiting == 100
        finally:
            postgres.start()
        until(lambda: log.waiting == 0)
        until(lambda: "in the database again" in caplog.text)
    log.close(logs.SECONDS)

    assert stored(url) == set(ids)
    assert log.dropped == 0
    assert len(caplog.records) == 2
    assert "unsaid" not in caplog.text


def test_a_database_that_dies_between_batches_makes_none_twice(
    postgres: Postgres,
    tmp_path: Path,
) -> None:
    url, told = postgres.database(), tmp_path / "told"
    with logs.appender(url, tmp_path, told):
        for _ in range(2):
            until(partial(more, url, len(stored(url))))
            logs.instant()
            postgres.stop("immediate")
            postgres.start()
    logs.recover(url, tmp_path)

    assert len(logs.told_ids(told) - stored(url)) <= logs.dropped(url)


def test_closing_leaves_what_a_database_that_is_away_does_not_take(tmp_path: Path) -> None:
    away = f"postgresql+psycopg://postgres@/postgres?host={tmp_path}"
    log = log_of(away, tmp_path)
    ids = answer(log, 10)
    log.start()
    ids += answer(log, 10)
    assert log.waiting == 20
    log.close(0.2)

    logs.recover(sqlite(tmp_path), tmp_path)
    assert stored(sqlite(tmp_path)) == set(ids)


def test_two_processes_write_one_sqlite(tmp_path: Path) -> None:
    url, told = sqlite(tmp_path), [tmp_path / "one", tmp_path / "other"]
    with logs.appender(url, tmp_path, told[0]), logs.appender(url, tmp_path, told[1]):
        until(lambda: all(grown(path, 100_000) for path in told))
    logs.recover(url, tmp_path)

    answered = logs.told_ids(told[0]) | logs.told_ids(told[1])
    assert len(answered - stored(url)) <= logs.dropped(url)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    with disks.small(tmp_path / "disk", 24) as folder:
        yield folder


def test_on_a_full_disk_what_is_dropped_is_counted(
    small_disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = sqlite(small_disk)
    log = log_of(url, small_disk, spool_mb=2)
    log.start()
    answered = answer(log)
    until(lambda: stored(url) == set(answered))
    with (small_disk / "ballast").open("wb") as ballast, caplog.at_level(logging.WARNING):
        while free := shutil.disk_usage(small_disk).free:
            ballast.write(bytes(min(free, 4096)))
            ballast.flush()
        while log.dropped < 100:
            answered += answer(log, 10)
        until(lambda: "predictions are dropped: No space left on device" in caplog.text)
        until(lambda: "predictions wait in the spool" in caplog.text)
    (small_disk / "ballast").unlink()
    until(lambda: log.waiting == 0)
    answered += answer(log)
    log.close(logs.SECONDS)

    assert len(set(answered) - stored(url)) == log.dropped == logs.dropped(url)
    assert answered[-1] in stored(url)
    assert logs.ROW.decode() not in caplog.text


def test_old_rows_are_deleted(url: str, tmp_path: Path) -> None:
    log = log_of(url, tmp_path, days=2)
    now = time.time()
    old, new = answer(log_start(log), 1200, at=now - 3 * 86400), answer(log, at=now - 86400)
    log.label([Label(old[0], 1.0, now - 3 * 86400), Label(old[1], 1.0, now)])
    log.close(logs.SECONDS)

    assert stored(url) == set(old + new)  # the first look was before they came
    log = log_start(log_of(url, tmp_path, days=2))
    log.close(logs.SECONDS)
    assert stored(url) == set(new)
    assert set(logs.labels(url)) == {old[1]}


def log_start(log: Log) -> Log:
    log.start()
    until(lambda: log.drain.expired_at > 0)
    return log


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:unsaid@host/db",  # pragma: allowlist secret
        "unsaid",
        "sqlite://unsaid",
    ],
)
def test_another_kind_of_database_is_refused_without_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"^PREDICTION_LOG_URL: must begin with") as error:
        log_of(url, tmp_path)
    assert "unsaid" not in str(error.value)


def test_a_spool_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    with pytest.raises(StageError, match="no place for a spool"):
        log_of(sqlite(tmp_path), tmp_path)
