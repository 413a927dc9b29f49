"""The model of this tree answers for any rows that keep the contract."""

import sys
from pathlib import Path

import polars as pl
import pytest

from pipeline import files, predict
from pipeline.stage import StageError

ROWS = Path("rows.parquet")
SAID = Path("said.parquet")


@pytest.fixture
def asked(after_training: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line of a person."""
    monkeypatch.setattr(sys, "argv", ["predict", str(ROWS), str(SAID)])


def test_answers_are_those_of_the_evaluation(asked: None, raw: pl.DataFrame) -> None:
    files.write_parquet(ROWS, raw)

    predict.main()

    said = files.read_parquet(SAID)
    assert said.columns == ["id", "prediction"]
    assert said["id"].equals(raw["id"])
    kept = files.read_parquet(files.PREDICTIONS)
    both = kept.join(said, on="id", suffix="_said")
    assert both.height == kept.height
    assert both["prediction"].to_list() == both["prediction_said"].to_list()


def test_rows_that_break_the_contract_are_refused(asked: None, raw: pl.DataFrame) -> None:
    files.write_parquet(ROWS, raw.drop("distance"))

    with pytest.raises(StageError, match=r"rows\.parquet breaks the contract(.|\n)*distance"):
        predict.main()

    assert not SAID.exists()
