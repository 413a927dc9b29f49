"""What is written twice is there once, in SQLite and in PostgreSQL."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.stage import StageError
from serving.predictions import store
from serving.predictions.insert import OWN, SCHEMA
from serving.predictions.record import About, Label, Prediction
from serving.predictions.store import DROPPED, META, PREDICTIONS
from tests.serving import logs
from tests.serving.logs import Store
from tests.serving.postgres import Postgres

ABOUT = About("tree", "dev", 7)


@pytest.fixture
def kept(url: str) -> Iterator[Store]:
    opened = logs.store(url)
    yield opened
    opened.close()


def row(id: str, at: float = 1.0, answer: float | None = 0.25) -> Prediction:
    return (id, at, "r", 0.5, '{"a":"é\\u0000"}', answer, None)


def test_a_row_is_kept_as_it_is_and_once(kept: Store, url: str) -> None:
    kept.write(ABOUT, [row("a"), row("b", answer=None)])
    kept.write(ABOUT, [row("a", at=9.0), row("c")])

    found = logs.table(url, PREDICTIONS)
    assert {(one["release"], one["environment"], one["deployment"]) for one in found} == {
        ("tree", "dev", 7)
    }
    own = {one["id"]: tuple(one[name] for name in OWN) for one in found}
    assert own == {"a": row("a"), "b": row("b", answer=None), "c": row("c")}


def test_all_of_a_write_or_nothing(kept: Store, url: str) -> None:
    broken: Any = [row("a"), (None, *row("b")[1:])]
    kept.open()
    with pytest.raises((sa.exc.IntegrityError, sqlite3.IntegrityError)):
        kept.write(ABOUT, [*broken], [Label("a", 1.0, 1.0)])
    kept.close()

    assert logs.stored(url) == set()
    assert logs.labels(url) == {}


def test_of_labels_the_newest_holds_whatever_comes_first(kept: Store, url: str) -> None:
    said = [Label("a", 0.0, 1.0), Label("a", 1.0, 3.0), Label("b", 1.0, 2.0), Label("b", 0.0, 2.0)]
    for labels in (said, said[::-1], [said[0]], [said[3]]):
        kept.write(ABOUT, [], labels)
        assert logs.labels(url) == {"a": 1.0, "b": 1.0}


def test_a_count_of_dropped_rows_never_falls(kept: Store, url: str) -> None:
    for count in (5, 7, 6):
        kept.write_dropped({"one": count, "other": 1})
    assert {one["process"]: one["rows"] for one in logs.table(url, DROPPED)} == {
        "one": 7,
        "other": 1,
    }


def test_only_so_many_old_rows_are_deleted_at_once(kept: Store, url: str) -> None:
    kept.write(
        ABOUT, [row(str(each), at=float(each)) for each in range(10)], [Label("x", 1.0, 2.0)]
    )

    assert kept.expire(before=8.0, most=5) == 6
    assert logs.stored(url) == {"5", "6", "7", "8", "9"}
    assert logs.labels(url) == {}
    assert kept.expire(before=8.0, most=5) == 3
    assert kept.expire(before=8.0, most=5) == 0


def test_many_make_the_tables_at_once(url: str) -> None:
    failed: list[Exception] = []

    def write(number: int) -> None:
        opened = logs.store(url)
        for _ in range(50):  # as the drain does: again, until it holds
            try:
                opened.write(ABOUT, [row(str(number))])
                break
            except (sa.exc.DBAPIError, sqlite3.Error) as error:
                last = error
                opened.close()
        else:
            failed.append(last)
        opened.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(logs.SECONDS)
    assert failed == []
    assert logs.stored(url) == set("012345")


def test_tables_of_a_newer_release_are_left_alone(kept: Store, url: str) -> None:
    kept.open()
    engine = store.connect(url)
    with engine.begin() as connection:
        connection.execute(META.update().values(value=str(SCHEMA + 1)))
    engine.dispose()
    newer = logs.store(url)

    with pytest.raises(StageError, match="has schema 2, and this release writes 1"):
        newer.write(ABOUT, [row("a")])
    newer.close()
    assert logs.stored(url) == set()


def test_a_reason_says_neither_password_nor_value(
    postgres: Postgres,
    tmp_path: Path,
) -> None:
    away = store.Store(f"postgresql://me:unsaid@/x?host={tmp_path}")
    with pytest.raises(sa.exc.OperationalError) as connecting:
        away.write(ABOUT, [row("a")])
    opened = store.Store(postgres.database())
    opened.open()
    broken: Any = (None, *row("unsaid")[1:])
    with pytest.raises(sa.exc.IntegrityError) as writing:
        opened.write(ABOUT, [broken])
    opened.close()

    assert "No such file or directory" in store.reason(connecting.value)
    assert "unsaid" not in store.reason(connecting.value)
    assert store.reason(writing.value) == "NotNullViolation 23502"
    assert store.reason(StageError("said")) == "said"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "mysql://u:unsaid@h/d",  # pragma: allowlist secret
        "postgresql+pg8000://h/d",
        "x",
    ],
)
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(StageError, match=r"^PREDICTION_LOG_URL: ") as error:
        store.connect(url)
    assert "unsaid" not in str(error.value)
