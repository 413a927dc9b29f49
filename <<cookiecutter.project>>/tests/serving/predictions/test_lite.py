"""SQLite has the tables that SQLAlchemy reads, and its writer waits for no reader."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.stage import StageError
from serving.predictions import lite, store
from serving.predictions.lite import Store
from serving.predictions.record import About, Label, Prediction
from tests.serving import logs

ABOUT = About("tree", "dev", 7)
ROW: Prediction = ("a", 1.0, "r", 0.5, "{}", 0.25, None)


def described(engine: sa.Engine) -> Any:
    seen = sa.inspect(engine)
    return {
        table: (
            [(one["name"], str(one["type"]), one["nullable"]) for one in seen.get_columns(table)],
            seen.get_pk_constraint(table)["constrained_columns"],
            [(one["name"], one["column_names"], one["unique"]) for one in seen.get_indexes(table)],
        )
        for table in seen.get_table_names()
    }


def test_its_tables_are_those_that_are_read(tmp_path: Path) -> None:
    opened = Store(logs.sqlite(tmp_path))
    opened.open()
    opened.close()
    ours, theirs = store.connect(logs.sqlite(tmp_path)), sa.create_engine("sqlite://")
    store.METADATA.create_all(theirs)

    assert described(ours) == described(theirs)
    assert len(described(ours)) == len(store.METADATA.tables)
    ours.dispose()


def test_readers_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    opened = Store(logs.sqlite(tmp_path))
    opened.write(ABOUT, [ROW])
    with sqlite3.connect(tmp_path / "predictions.db", isolation_level=None, timeout=0) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM predictions")
        assert logs.stored(logs.sqlite(tmp_path)) == {"a"}
        other.execute("ROLLBACK")
    opened.close()


def test_after_an_error_nothing_is_left_of_it(tmp_path: Path) -> None:
    opened = Store(logs.sqlite(tmp_path))
    broken: Any = (None, *ROW[1:])
    with pytest.raises(sqlite3.IntegrityError):
        opened.write(ABOUT, [ROW, broken])
    opened.write(ABOUT, [], [Label("b", 1.0, 1.0)])
    opened.close()

    assert logs.stored(logs.sqlite(tmp_path)) == set()
    assert logs.labels(logs.sqlite(tmp_path)) == {"b": 1.0}


def test_a_reason_says_no_value(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as opening:
        Store(f"sqlite:///{tmp_path}/nowhere/x.db").open()
    assert lite.reason(opening.value) == "OperationalError: unable to open database file"
    assert lite.reason(sqlite3.IntegrityError("unsaid")) == "IntegrityError"
    assert lite.reason(StageError("said")) == "said"


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://unsaid", "sqlite:////unsaid?timeout=1"])
def test_what_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(StageError, match=r"^PREDICTION_LOG_URL: must be sqlite:///") as error:
        Store(url)
    assert "unsaid" not in str(error.value)
