"""Each metric is scikit-learn's, for any weights; a weight is a number of copies."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

from pipeline import evaluate, metrics, params
from pipeline.metrics import Floats
from tests.projects import ROOT

METRICS = {metric.name: metric for metric in evaluate.METRICS}
# Few values, so that many tie; the ends and the edges of bins are among them.
RISKS = [0.0, 1e-3, 0.2, 1 / 3, 0.35, 0.5, 2 / 3, 0.7, 0.999, 1.0]


@st.composite
def weighted(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    """Labels, predictions and weights; both labels are drawn at least once."""
    rows = draw(
        st.lists(
            st.tuples(st.booleans(), st.sampled_from(RISKS) | st.floats(0, 1), st.integers(0, 4)),
            min_size=2,
            max_size=60,
        )
    )
    labels, predictions, weights = (
        np.array(column, np.float64) for column in zip(*rows, strict=True)
    )
    assume(weights[labels == 1].sum() and weights[labels == 0].sum())
    return labels, predictions, weights


def scored(name: str, rows: tuple[Floats, Floats, Floats]) -> float:
    labels, predictions, weights = rows
    return METRICS[name].of(labels, predictions)(weights)


def close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("roc_auc", roc_auc_score),
        ("pr_auc", average_precision_score),
        ("brier", brier_score_loss),
    ],
)
@given(rows=weighted())
def test_a_metric_is_that_of_scikit_learn(
    name: str, reference: Callable[..., Any], rows: tuple[Floats, Floats, Floats]
) -> None:
    labels, predictions, weights = rows
    expected = reference(labels, predictions, sample_weight=weights)

    assert close(scored(name, rows), expected)


@given(weighted())
def test_log_loss_is_that_of_scikit_learn_where_it_is_finite(
    rows: tuple[Floats, Floats, Floats],
) -> None:
    labels, predictions, weights = rows
    # The ends are cut, as float32 predictions reach them.
    cut = np.clip(predictions, metrics.EPSILON, 1 - metrics.EPSILON)

    expected = log_loss(labels, cut, sample_weight=weights)

    assert math.isclose(scored("log_loss", (labels, cut, weights)), expected, rel_tol=1e-6)
    assert math.isfinite(scored("log_loss", rows))


@given(weighted())
def test_calibration_error_is_that_of_a_naive_loop(rows: tuple[Floats, Floats, Floats]) -> None:
    bins: dict[int, list[float]] = {}
    for label, prediction, weight in zip(*rows, strict=True):
        bins.setdefault(min(int(prediction * metrics.BINS), metrics.BINS - 1), []).append(
            weight * (prediction - label)
        )
    expected = sum(abs(sum(gaps)) for gaps in bins.values()) / rows[2].sum()

    assert close(scored("expected_calibration_error", rows), expected)


@pytest.mark.parametrize("name", METRICS)
@given(rows=weighted())
def test_a_weight_of_k_is_k_copies_of_the_row(
    name: str, rows: tuple[Floats, Floats, Floats]
) -> None:
    labels, predictions, weights = rows
    copies = np.repeat(np.arange(len(labels)), weights.astype(int))

    assert close(scored(name, rows), METRICS[name](labels[copies], predictions[copies]))


@pytest.mark.parametrize("name", METRICS)
def test_the_direction_says_where_the_better_model_is(name: str) -> None:
    labels = np.array([0.0, 0.0, 1.0, 1.0])
    good, bad = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.9, 0.8, 0.2, 0.1])
    metric = METRICS[name]

    gain = metric(labels, good) - metric(labels, bad)

    assert (gain > 0) is metric.higher_is_better


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc"])
def test_a_rank_of_one_class_alone_is_not_a_number(name: str) -> None:
    assert math.isnan(METRICS[name](np.zeros(3), np.array([0.1, 0.2, 0.3])))


def test_names_differ_and_the_shipped_gates_and_primary_metric_are_among_them() -> None:
    settings = params.read(ROOT / "params.yaml")

    assert len(METRICS) == len(evaluate.METRICS)
    assert {settings.evaluate.primary, *settings.gates.limits} <= METRICS.keys()
