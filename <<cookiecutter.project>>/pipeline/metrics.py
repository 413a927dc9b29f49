"""Scores of predictions against labels, made to be asked a thousand times.

A metric is a function of labels and predictions that does the work that does not depend on
weights (sorting, binning, the loss of each row) and returns a function of row weights. The
review draws its bootstrap resamples as weights: how often each row was drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Score = Callable[[Floats], float]  # of weights, shape (rows,)

BINS = 15  # of equal width, as in Guo et al. (2017)
EPSILON = 1e-7  # float32 predictions reach 0 and 1; their logarithm must not


@dataclass(frozen=True)
class Metric:
    """A named score: `of(labels, predictions)`, each of shape (rows,), gives the `Score`."""

    name: str
    of: Callable[[Floats, Floats], Score]
    higher_is_better: bool

    def __call__(self, labels: Floats, predictions: Floats) -> float:
        return self.of(labels, predictions)(np.ones(len(labels)))


def mean_of(losses: Floats) -> Score:
    """The weighted mean of a loss per row: all that most metrics need."""
    return lambda weights: float(losses @ weights / weights.sum())


def roc_auc(labels: Floats, predictions: Floats) -> Score:
    """The chance that a positive row is ranked above a negative one, ties counting half."""
    positive = np.flatnonzero(labels > 0.5)
    negative = np.flatnonzero(labels <= 0.5)
    positive = positive[np.argsort(predictions[positive], kind="stable")]
    negative = negative[np.argsort(predictions[negative], kind="stable")]
    below = np.searchsorted(predictions[negative], predictions[positive], side="left")
    upto = np.searchsorted(predictions[negative], predictions[positive], side="right")

    def score(weights: Floats) -> float:
        passed = np.zeros(len(negative) + 1)
        np.cumsum(weights[negative], out=passed[1:])
        won = weights[positive]
        pairs = won.sum() * passed[-1]
        return float(won @ (passed[below] + passed[upto]) / 2 / pairs) if pairs else float("nan")

    return score


def pr_auc(labels: Floats, predictions: Floats) -> Score:
    """Average precision: the precision at each threshold, weighted by the recall it adds."""
    order = np.argsort(-predictions, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(predictions[order])), len(order) - 1)
    positive = labels[order] > 0.5

    def score(weights: Floats) -> float:
        drawn = weights[order]
        caught = np.cumsum(drawn * positive)[ends]
        named = np.cumsum(drawn)[ends]
        if not caught[-1]:
            return float("nan")
        precision = np.divide(caught, named, out=np.zeros_like(caught), where=named > 0)
        return float(np.diff(caught, prepend=0.0) @ precision / caught[-1])

    return score


def log_loss(labels: Floats, predictions: Floats) -> Score:
    """Mean negative log-likelihood, in nats."""
    sure = np.clip(np.where(labels > 0.5, predictions, 1 - predictions), EPSILON, 1)
    return mean_of(-np.log(sure))


def brier(labels: Floats, predictions: Floats) -> Score:
    """Mean squared difference of probability and outcome (Brier, 1950)."""
    return mean_of((predictions - labels) ** 2)


def expected_calibration_error(labels: Floats, predictions: Floats) -> Score:
    """Mean distance of predicted and seen rate over bins of the prediction (Guo et al., 2017)."""
    place = np.minimum((predictions * BINS).astype(np.int64), BINS - 1)
    gap = predictions - labels

    def score(weights: Floats) -> float:
        return float(np.abs(np.bincount(place, weights * gap)).sum() / weights.sum())

    return score
