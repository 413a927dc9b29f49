"""Curves go through scikit-learn's points, and stand up to any predictions."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, roc_curve

from pipeline import curves
from pipeline.curves import Floats, Points

ALL = [curves.roc, curves.precision_recall, curves.calibration]


@pytest.fixture(scope="module")
def rows() -> tuple[Floats, Floats]:
    """Labels that follow the predictions, which do not tie."""
    random = np.random.default_rng(1)
    predictions = random.random(5000)
    return (random.random(5000) < predictions).astype(np.float64), predictions


def xy(points: Points, x: str, y: str) -> tuple[Floats, Floats]:
    return np.array([point[x] for point in points]), np.array([point[y] for point in points])


def test_roc_is_that_of_scikit_learn(rows: tuple[Floats, Floats]) -> None:
    grid, rates = xy(curves.roc(*rows), "false_positive_rate", "true_positive_rate")
    alarms, caught, _ = roc_curve(*rows, drop_intermediate=False)

    assert len(grid) == curves.STEPS + 1
    np.testing.assert_allclose(rates[1:], np.interp(grid, alarms, caught)[1:], atol=2e-3)
    assert (grid[0], grid[-1], rates[-1]) == (0, 1, 1)


def test_precision_is_that_of_scikit_learn(rows: tuple[Floats, Floats]) -> None:
    grid, found = xy(curves.precision_recall(*rows), "recall", "precision")
    precision, recall, _ = precision_recall_curve(*rows)

    for at, value in zip(grid, found, strict=True):
        # At the highest threshold that reaches this recall.
        assert math.isclose(value, precision[recall >= at - 1e-12][-1], abs_tol=1e-6)


def test_a_calibrated_model_lies_on_the_diagonal(rows: tuple[Floats, Floats]) -> None:
    predicted, seen = xy(curves.calibration(*rows), "predicted", "seen")

    assert len(predicted) == curves.GROUPS
    assert (np.diff(predicted) > 0).all()
    assert np.abs(predicted - seen).max() < 0.1


def test_groups_are_of_equal_size_and_hold_their_means() -> None:
    predictions = np.linspace(0, 1, 40)
    labels = (np.arange(40) % 2).astype(np.float64)

    predicted, seen = xy(curves.calibration(labels, predictions), "predicted", "seen")

    np.testing.assert_allclose(predicted, predictions.reshape(20, 2).mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(seen, np.full(20, 0.5))


@pytest.mark.parametrize("curve", ALL)
@given(data=st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50))
def test_any_predictions_have_a_curve_within_its_bounds(
    curve: Callable[[Floats, Floats], Points], data: list[tuple[bool, float]]
) -> None:
    labels, predictions = (np.array(column, np.float64) for column in zip(*data, strict=True))

    points = curve(labels, predictions)

    assert points
    for point in points:
        assert all(0 <= value <= 1 for value in point.values())


@pytest.mark.parametrize("curve", ALL)
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("spread", [0.0, 1.0], ids=["all tie", "none tie"])
def test_one_class_alone_has_a_curve(
    curve: Callable[[Floats, Floats], Points], label: float, spread: float
) -> None:
    points = curve(np.full(30, label), 0.5 + spread * np.linspace(-0.4, 0.4, 30))

    assert all(math.isfinite(value) for point in points for value in point.values())


@pytest.mark.parametrize("curve", [curves.roc, curves.precision_recall])
@given(
    data=st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.5])), min_size=2, max_size=30),
    seed=st.integers(0, 99),
)
def test_the_order_of_rows_that_tie_does_not_change_the_curve(
    curve: Callable[[Floats, Floats], Points], data: list[tuple[bool, float]], seed: int
) -> None:
    labels, predictions = (np.array(column, np.float64) for column in zip(*data, strict=True))
    order = np.random.default_rng(seed).permutation(len(labels))

    assert curve(labels[order], predictions[order]) == curve(labels, predictions)
