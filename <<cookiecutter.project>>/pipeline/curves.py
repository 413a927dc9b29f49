"""Curves of predictions against labels, as points that DVC and the review can draw."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Points = list[dict[str, float]]

STEPS = 40  # points of a curve: as fine as a chart in a comment can show
GROUPS = 20  # groups of equal size: a twentieth of a month's flights is over a thousand


def roc(labels: Floats, predictions: Floats) -> Points:
    """True positive rate at evenly spaced false positive rates."""
    order, ends = thresholds(predictions)
    positive = labels[order] > 0.5
    caught = np.cumsum(positive)[ends] / max(positive.sum(), 1)
    alarms = np.cumsum(~positive)[ends] / max((~positive).sum(), 1)
    grid = np.linspace(0, 1, STEPS + 1)
    rates = np.interp(grid, np.append(0, alarms), np.append(0, caught))
    return points("false_positive_rate", grid, "true_positive_rate", rates)


def precision_recall(labels: Floats, predictions: Floats) -> Points:
    """Precision at evenly spaced recalls."""
    order, ends = thresholds(predictions)
    caught = np.cumsum(labels[order] > 0.5)[ends]
    precision = caught / (ends + 1)
    grid = np.linspace(0, 1, STEPS + 1)[1:]
    places = np.searchsorted(caught / max(caught[-1], 1), grid, side="left")
    return points("recall", grid, "precision", precision[np.minimum(places, len(ends) - 1)])


def thresholds(predictions: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order from the highest prediction down, and where each value that may tie ends in it."""
    order = np.argsort(-predictions, kind="stable")
    return order, np.append(np.flatnonzero(np.diff(predictions[order])), len(order) - 1)


def calibration(labels: Floats, predictions: Floats) -> Points:
    """Mean prediction and mean label of groups of equal size, in order of prediction."""
    frame = pl.DataFrame({"predicted": predictions, "seen": labels})
    frame = frame.sort("predicted", maintain_order=True)
    group = pl.int_range(pl.len()) * GROUPS // pl.len()
    means = frame.group_by(group.alias("group"), maintain_order=True).mean()
    return points("predicted", means["predicted"].to_numpy(), "seen", means["seen"].to_numpy())


def points(x: str, xs: Floats, y: str, ys: Floats) -> Points:
    return [{x: round(float(a), 6), y: round(float(b), 6)} for a, b in zip(xs, ys, strict=True)]
