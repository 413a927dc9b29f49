"""What waits is drained, of the dead too; damage and a failing database stop nothing."""

import itertools
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from serving.predictions import drain, lite
from serving.predictions.log import Log
from serving.predictions.record import Prediction
from serving.predictions.segment import START
from serving.predictions.spool import FULL, Spool
from serving.predictions.store import PREDICTIONS
from tests.serving import logs
from tests.serving.logs import answer, log_of, recover, sqlite, stored, until


def left(folder: Path, count: int) -> list[str]:
    """What a process leaves that never reached its database: each row is a record."""
    log = log_of(f"sqlite:///{folder}/nowhere/x.db", folder)
    ids = [answer(log)[0] for _ in range(count)]
    log.close(0)
    return ids


def test_what_the_dead_left_has_their_release(tmp_path: Path) -> None:
    ids = left(tmp_path, 3)
    (owner,) = (tmp_path / "spool").glob("*.owner")
    owner.write_bytes(owner.read_bytes().replace(b'"' + b"a" * 40, b'"' + b"c" * 40))
    recover(sqlite(tmp_path), tmp_path)

    found = logs.table(sqlite(tmp_path), PREDICTIONS)
    assert {row["id"] for row in found} == set(ids)
    assert {row["release"] for row in found} == {"c" * 40}


def test_without_its_owner_file_nobody_knows_the_release(tmp_path: Path) -> None:
    ids = left(tmp_path, 1)
    (owner,) = (tmp_path / "spool").glob("*.owner")
    owner.write_bytes(bytes(4096))
    recover(sqlite(tmp_path), tmp_path)

    (row,) = logs.table(sqlite(tmp_path), PREDICTIONS)
    assert (row["id"], row["release"]) == (ids[0], "unknown")


def test_a_damaged_segment_is_read_to_the_damage_and_its_loss_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ids = left(tmp_path, 10)
    other = left(tmp_path, 2)
    (damaged,) = (tmp_path / "spool").glob(f"{ids[0][:16]}.*.segment")
    content = bytearray(damaged.read_bytes())
    place = content.index(ids[4].encode())
    assert place > START
    content[place] ^= 1
    damaged.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        recover(sqlite(tmp_path), tmp_path)

    assert stored(sqlite(tmp_path)) == {*ids[:4], *other}
    assert logs.dropped(sqlite(tmp_path)) == 6
    assert f"{damaged.name}: damaged, 6 rows lost" in caplog.text


def test_a_failing_database_is_tried_again_ever_more_seldom(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = f"sqlite:///{tmp_path}/nowhere/x.db"
    spool = Spool(tmp_path / "spool", 1024**2, "one", b"")
    one = drain.Drain(spool, away, logs.ABOUT, flush_seconds=1, retention_days=1)
    with caplog.at_level(logging.WARNING):
        waits = [one.turn(lite) for _ in range(8)]
        assert waits == [2, 4, 8, 16, 30, 30, 30, 30]
        (tmp_path / "nowhere").mkdir()
        assert one.turn(lite) == 1
    assert one.store is not None
    one.store.close()

    assert [record.getMessage() for record in caplog.records] == [
        "predictions wait in the spool: OperationalError: unable to open database file",
        "predictions are in the database again, after 8 tries",
    ]


def test_closing_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    log = log_of(sqlite(tmp_path), tmp_path)
    ids = [answer(log)[0] for _ in range(100)]
    log.drain.until = 0  # no time at all
    log.start()
    until(lambda: log.drain.store is not None)
    log.close(0)
    assert stored(sqlite(tmp_path)) == set()

    recover(sqlite(tmp_path), tmp_path)
    assert stored(sqlite(tmp_path)) == set(ids)


class Stores:
    """What a drain takes for the module: it keeps what is written in memory."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def Store(self, _: str) -> "Stores":  # noqa: N802
        return self

    def write(self, _: object, predictions: list[Prediction], __: object) -> None:
        self.written += [row[0] for row in predictions]

    def expire(self, *_: object) -> int:
        return 0


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log whose service has more to do than answer, always; its drain turns by hand."""
    wanted = itertools.count(0, 10**6)
    monkeypatch.setattr(drain, "wanted_by", lambda _: next(wanted))
    log = log_of("sqlite:///unused", tmp_path)
    log.drain.flush_seconds = 60  # on a slow machine too, nothing becomes old
    log.drain.turn(Stores())  # the first look says nothing
    return log


def turned(log: Log) -> list[str]:
    """What one more turn brings into the database."""
    found: Any = log.drain.store
    written: list[str] = found.written
    before = len(written)
    log.drain.turn(found)
    return written[before:]


def test_while_a_service_is_busy_rows_wait(busy: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = answer(busy, 2)
    assert turned(busy) == []
    monkeypatch.setattr(drain, "wanted_by", lambda _: 0.0)
    assert turned(busy) == ids


def test_while_a_service_is_busy_rows_wait_no_longer_than_they_may(
    busy: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = answer(busy)
    late = time.monotonic() + drain.PATIENCE * busy.drain.flush_seconds
    monkeypatch.setattr(time, "monotonic", lambda: late)
    assert turned(busy) == ids


def test_while_a_service_is_busy_no_more_waits_than_may(busy: Log) -> None:
    """The oldest go, until enough have."""
    ids: list[str] = []
    while not busy.spool.filling:
        assert turned(busy) == []
        ids += answer(busy, 1000)
        busy.spool.prepare()
    assert len(busy.spool.own()) > FULL * busy.spool.size / busy.spool.segment_bytes
    went = turned(busy)
    assert went == ids[: len(went)]
    assert 0 < len(went) < len(ids)
    assert not busy.spool.filling


def test_what_the_dead_left_waits_too(busy: Log, tmp_path: Path) -> None:
    ids = left(tmp_path, 2)
    busy.drain.adopted_at = float("-inf")
    assert turned(busy) == []
    busy.drain.ending.set()
    assert turned(busy) == ids


def test_at_the_end_all_is_written_however_busy(busy: Log) -> None:
    ids = answer(busy)
    busy.drain.ending.set()
    assert turned(busy) == ids


def test_a_thread_wants_what_it_gets_and_waits_for() -> None:
    before = drain.wanted_by(threading.get_native_id())
    until(lambda: drain.wanted_by(threading.get_native_id()) > before)
    assert drain.wanted_by(0) >= 0  # of one that nobody knows, the others of this process
