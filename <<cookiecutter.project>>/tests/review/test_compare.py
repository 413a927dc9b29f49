"""Two models on the same rows."""

import numpy as np
import polars as pl
import pytest

from pipeline import metrics
from pipeline.metrics import Metric
from review.compare import Change, changes, flips, pair, slices
from review.resample import Interval

METRICS = (
    Metric("roc_auc", metrics.roc_auc, higher_is_better=True),
    Metric("pr_auc", metrics.pr_auc, higher_is_better=True),
    Metric("log_loss", metrics.log_loss, higher_is_better=False),
    Metric("brier", metrics.brier, higher_is_better=False),
)
AUC = METRICS[0]


def predictions(noise: float, seed: int = 3, rows: int = 4000) -> pl.DataFrame:
    """Labels of one random world, predicted with more or less noise."""
    world, random = np.random.default_rng(5), np.random.default_rng(seed)
    risk = world.random(rows)
    label = (world.random(rows) < risk).astype(float)
    guess = np.clip(risk + random.normal(0, noise, rows), 0.001, 0.999)
    return pl.DataFrame(
        {
            "id": [f"r{number}" for number in range(rows)],
            "label": label,
            "prediction": guess.astype(np.float32),
            "place": np.where(world.random(rows) < 0.7, "here", "there"),
        }
    )


@pytest.mark.parametrize(
    ("base", "candidate", "verdict"),
    [(0.5, 0.1, "better"), (0.1, 0.5, "worse"), (0.3, 0.3, "no different")],
)
def test_the_verdict_follows_the_interval(base: float, candidate: float, verdict: str) -> None:
    rows = pair(predictions(base, seed=1), predictions(candidate, seed=2))
    found = changes(rows, METRICS, "roc_auc")
    assert found[0].metric == "roc_auc"
    assert found[0].verdict == verdict
    assert {change.metric for change in found} == {metric.name for metric in METRICS}
    if verdict != "no different":
        assert {change.verdict for change in found[:4]} == {verdict}


def test_a_model_against_itself_has_no_width() -> None:
    rows = pair(predictions(0.2), predictions(0.2))
    (change, *_) = changes(rows, METRICS, "roc_auc")
    assert (change.interval.low, change.interval.high) == (0, 0)
    assert change.verdict == "no different"


def test_the_values_are_those_of_the_metric() -> None:
    base, candidate = predictions(0.4, seed=1), predictions(0.2, seed=2)
    (change, *_) = changes(pair(base, candidate), METRICS, "roc_auc")
    for value, frame in ((change.base, base), (change.candidate, candidate)):
        labels, predicted = frame["label"].to_numpy(), frame["prediction"].to_numpy()
        assert value == pytest.approx(AUC(labels, predicted.astype(float)))


def test_lower_is_better_turns_the_gain_around() -> None:
    change = Change("rmse", 2.0, 1.0, Interval(-1.2, -0.8), higher_is_better=False)
    assert (change.gain.low, change.gain.high) == (0.8, 1.2)
    assert change.verdict == "better"


def test_any_primary_metric_of_the_pipeline_will_do() -> None:
    rmse = Metric("rmse", metrics.brier, higher_is_better=False)
    rows = pair(predictions(0.5, seed=1), predictions(0.1, seed=2))
    assert changes(rows, [AUC, rmse], "rmse")[0].verdict == "better"


def test_a_slice_that_got_worse_shows_though_the_whole_got_better() -> None:
    base, good, bad = predictions(0.3, 1), predictions(0.05, 2), predictions(0.8, 3)
    mixed = good.with_columns(
        prediction=pl.when(pl.col("place") == "there")
        .then(bad["prediction"])
        .otherwise("prediction")
    )
    rows = pair(base, mixed)
    found = {one.value: one for one in slices(rows, ["place"], AUC, least=500)}
    assert found["there"].change.verdict == "worse"
    assert found["here"].change.verdict == "better"
    assert found["here"].rows + found["there"].rows == rows.height
    assert slices(rows, ["place"], AUC, least=rows.height) == []


def test_flips_count_what_became_right_and_wrong_and_name_the_strongest() -> None:
    rows = pl.DataFrame(
        {
            "label": [1.0, 0.0, 1.0, 0.0],
            "base": [0.1, 0.9, 0.6, 0.2],
            "prediction": [0.9, 0.2, 0.4, 0.3],
            "place": ["a", "b", "c", "d"],
        }
    )
    found = flips(rows, 0.5, ["place"], most=2)
    assert (found.gained, found.lost) == (2, 1)
    assert found.strongest["place"].to_list() == ["a", "b"]


def test_without_a_threshold_the_largest_moves_are_shown() -> None:
    rows = pl.DataFrame(
        {"label": [1.0, 2.0], "base": [1.0, 2.0], "prediction": [1.5, 7.0], "place": ["a", "b"]}
    )
    found = flips(rows, None, ["place"], most=5)
    assert (found.gained, found.lost) == (0, 0)
    assert found.strongest["place"].to_list() == ["b", "a"]


def test_only_rows_of_both_are_paired() -> None:
    base, candidate = predictions(0.1).head(10), predictions(0.2).slice(5, 10)
    rows = pair(base, candidate)
    assert sorted(rows["id"]) == sorted(f"r{number}" for number in range(5, 10))
    assert rows["prediction"].is_sorted()
