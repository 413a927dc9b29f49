"""The examples are rows of the holdout as a client sends them, with the recorded predictions."""

from pathlib import Path

import polars as pl
import pytest

from pipeline import examples, files, schemas


@pytest.fixture(scope="module")
def predictions(trained: Path) -> pl.DataFrame:
    return files.read_parquet(trained / files.PREDICTIONS)


def test_the_stage_writes_two_hundred_of_them(trained: Path, predictions: pl.DataFrame) -> None:
    found = files.read_json(trained / files.EXAMPLES)

    assert len(found) == 200
    ids = [example["row"]["id"] for example in found]
    assert len(set(ids)) == 200
    assert [ids[0], ids[-1]] == [predictions["id"][0], predictions["id"][-1]]
    recorded = dict(predictions.select("id", "prediction").iter_rows())
    assert [example["prediction"] for example in found] == [recorded[name] for name in ids]


def test_each_has_every_column_but_the_target(trained: Path, raw: pl.DataFrame) -> None:
    for example in files.read_json(trained / files.EXAMPLES)[::20]:
        row = example["row"]
        assert row.keys() == schemas.Raw.to_schema().columns.keys() - {"late"}
        (kept,) = raw.filter(id=row["id"]).drop("late").fill_nan(None).to_dicts()
        assert row == kept


def test_what_the_contract_does_not_know_is_not_sent(
    raw: pl.DataFrame, predictions: pl.DataFrame
) -> None:
    more = raw.with_columns(pl.lit(1).alias("more"))

    assert examples.of(more, predictions) == examples.of(raw, predictions)


def test_a_small_holdout_is_taken_whole(raw: pl.DataFrame, predictions: pl.DataFrame) -> None:
    few = predictions.head(3)

    assert [one["row"]["id"] for one in examples.of(raw, few)] == few["id"].to_list()
