"""A month of the log as a table with the contract's types."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from pipeline.stage import StageError
from serving.predictions import export
from serving.predictions.record import About, Label
from serving.predictions.store import connect
from tests.projects import ROOT
from tests.serving import logs

DECEMBER = datetime(2013, 12, 1, tzinfo=UTC).timestamp()
JANUARY = datetime(2014, 1, 1, tzinfo=UTC).timestamp()
CONTRACT = {
    "properties": {
        "id": {"type": "string"},
        "month": {"type": "integer"},
        "seats": {"type": ["number", "null"]},
        "night": {"type": "boolean"},
        "name": {"type": "integer", "x-private": True},
        "day": {"type": "string", "format": "date"},
    }
}
ROW = {"id": "f1", "month": 12, "seats": None, "night": True, "name": "a9", "day": "2013-12-01"}


def fill(url: str, inputs: Mapping[str, tuple[float, object]]) -> None:
    """Predictions by id: when, and for which input."""
    kept = logs.store(url)
    kept.write(
        About("tree", "dev", 7),
        [(id, at, "r", 0.5, json.dumps(row), 0.25, False) for id, (at, row) in inputs.items()],
        [Label("b", 1.0, JANUARY + 0.5)],
    )
    kept.close()


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(CONTRACT))
    return path


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, contract: Path) -> Run:
    def command(*more: str, url: str = "") -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "serving.predictions.export", "--month", "2013-12", "--out"]
        line += [str(tmp_path / "out.parquet"), "--contract", str(contract), *more]
        env = {**os.environ, "PREDICTION_LOG_URL": url}
        return subprocess.run(line, cwd=ROOT, env=env, text=True, capture_output=True)

    return command


def test_a_month_with_its_labels_and_typed_inputs(url: str, run: Run, tmp_path: Path) -> None:
    instants = {"a": DECEMBER - 0.001, "b": DECEMBER, "c": JANUARY - 0.001, "d": JANUARY}
    fill(url, {id: (at, ROW | {"seats": 149}) for id, at in instants.items()})
    done = run(url=url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 predictions of 2013-12 in ")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found.schema["input.month"] == pl.Int64
    assert found.schema["input.name"] == found.schema["input.day"] == pl.String
    assert found.row(0, named=True) == {
        "id": "b",
        "at": datetime(2013, 12, 1, tzinfo=UTC),
        "release": "tree",
        "environment": "dev",
        "deployment": 7,
        "request": "r",
        "seconds": 0.5,
        "prediction": 0.25,
        "decision": False,
        "label": 1.0,
        "label_at": datetime(2014, 1, 1, 0, 0, 0, 500_000, UTC),
        **{f"input.{name}": value for name, value in (ROW | {"seats": 149.0}).items()},
    }
    assert found["label"].to_list() == [1.0, None]


def test_a_field_that_was_left_out_or_is_unknown_is_null(run: Run, tmp_path: Path) -> None:
    fill(logs.sqlite(tmp_path), {"a": (DECEMBER, {"month": 1, "former": 2})})
    assert run("--state", str(tmp_path)).returncode == 0

    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["input.month"].to_list() == [1]
    assert found["input.seats"].to_list() == [None]
    assert "input.former" not in found.columns


def test_without_a_contract_the_input_is_text(run: Run, tmp_path: Path, contract: Path) -> None:
    contract.unlink()
    fill(logs.sqlite(tmp_path), {"a": (DECEMBER, ROW)})
    assert run("--state", str(tmp_path)).returncode == 0

    found = pl.read_parquet(tmp_path / "out.parquet")
    assert json.loads(found["input"][0]) == ROW


def test_a_month_without_predictions_is_an_empty_table(run: Run, tmp_path: Path) -> None:
    fill(logs.sqlite(tmp_path), {})
    assert run("--state", str(tmp_path)).returncode == 0
    assert pl.read_parquet(tmp_path / "out.parquet").height == 0


def test_many_batches_are_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH", 7)
    fill(logs.sqlite(tmp_path), {f"{each:03}": (DECEMBER + each, ROW) for each in range(100)})
    engine = connect(logs.sqlite(tmp_path))
    out = tmp_path / "out.parquet"

    assert export.export(engine, *export.bounds("2013-12"), {}, out) == 100
    assert pl.read_parquet(out)["id"].to_list() == [f"{each:03}" for each in range(100)]
    engine.dispose()


def test_an_error_says_what_and_leaves_the_former_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out.parquet").write_text("former")
    fill(logs.sqlite(tmp_path), {"a": (DECEMBER, ROW), "b": (DECEMBER, {"month": "unsaid"})})
    done = run("--state", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("export: error: an input is not of the contract's types")
    assert "unsaid" not in done.stderr
    assert (tmp_path / "out.parquet").read_text() == "former"
    assert not list(tmp_path.glob(".out*"))


def test_what_is_missing_is_named(run: Run, tmp_path: Path, contract: Path) -> None:
    assert "name a folder with --state" in run().stderr
    assert "predictions.db: not there" in run("--state", str(tmp_path)).stderr
    assert "--month: must be a year" in run("--state", str(tmp_path), "--month", "13").stderr
    (tmp_path / "predictions.db").write_text("")
    assert "no such table" in run("--state", str(tmp_path)).stderr
    contract.write_text('{"properties": {"a": {}}}')
    assert "no contract; run `make reproduce`" in run("--state", str(tmp_path)).stderr


def test_a_log_of_a_newer_release_is_not_read(tmp_path: Path) -> None:
    fill(logs.sqlite(tmp_path), {})
    with sqlite3.connect(tmp_path / "predictions.db") as other:
        other.execute("UPDATE meta SET value = '2'")
    engine = connect(logs.sqlite(tmp_path))
    with pytest.raises(StageError, match="a newer release made it"):
        export.export(engine, DECEMBER, JANUARY, {}, tmp_path / "out.parquet")
    engine.dispose()
