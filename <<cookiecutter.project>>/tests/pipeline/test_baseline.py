"""The baselines are fitted on the training rows, and say something of the holdout."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from pipeline import baseline, features, files


@pytest.fixture(scope="module")
def frame(trained: Path) -> pl.DataFrame:
    return files.read_parquet(trained / files.FEATURES)


def test_the_mean_is_that_of_the_training_labels(frame: pl.DataFrame) -> None:
    mean = baseline.predictions(frame, list(features.NAMES), "binary", 1)["mean"]

    expected = frame.filter(pl.col("part") == "train")["label"].mean()
    assert mean.tolist() == [expected] * frame.filter(pl.col("part") == "holdout").height


def test_the_linear_model_is_better_than_chance(frame: pl.DataFrame) -> None:
    linear = baseline.predictions(frame, list(features.NAMES), "binary", 1)["linear"]

    assert ((linear > 0) & (linear < 1)).all()
    assert roc_auc_score(frame.filter(pl.col("part") == "holdout")["label"], linear) > 0.55


@pytest.mark.parametrize("objective", ["binary", "regression"])
def test_labels_of_the_holdout_change_nothing(frame: pl.DataFrame, objective: str) -> None:
    holdout = pl.col("part") == "holdout"
    turned = frame.with_columns(
        pl.when(holdout).then(1 - pl.col("label")).otherwise("label").alias("label")
    )

    before = baseline.predictions(frame, list(features.NAMES), objective, 1)
    after = baseline.predictions(turned, list(features.NAMES), objective, 1)

    assert before.keys() == after.keys() == {"mean", "linear"}
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])


def test_a_number_is_predicted_by_least_squares() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=400)
    frame = pl.DataFrame(
        {
            "part": ["train"] * 300 + ["holdout"] * 100,
            "label": 3 * x + 10,
            "x": np.where(np.arange(400) == 0, np.nan, x).astype(np.float32),
            "empty": np.full(400, np.nan, np.float32),
        }
    )

    linear = baseline.predictions(frame, ["x", "empty"], "regression", 1)["linear"]

    np.testing.assert_allclose(linear, 3 * x[300:] + 10, atol=0.2)


def test_only_so_many_rows_are_fitted(frame: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "ROWS", 100)

    one = baseline.predictions(frame, list(features.NAMES), "binary", 1)["mean"]
    again = baseline.predictions(frame, list(features.NAMES), "binary", 1)["mean"]
    other = baseline.predictions(frame, list(features.NAMES), "binary", 2)["mean"]

    assert one[0] == again[0] != other[0]
