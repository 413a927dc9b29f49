"""The paired, stratified bootstrap: how sure is a difference of two models on the same rows?

Efron and Tibshirani (1993), chapters 6 and 13. A resample is a weight per row: how often it
was drawn. Rows are drawn within strata of the label, and both models are scored under the
same weights. Each resample has a seed of its own, so that threads change nothing.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draw = Callable[[Floats], Sequence[float]]  # weights of all rows → the figures of one resample

SEED = 1979  # fixed: a report on the same two trees says the same
CLASSES = 10  # labels of more values are numbers: their strata are tenths
CONFIDENCE = 0.95
NORMAL = 1.96  # standard errors that hold CONFIDENCE


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def __str__(self) -> str:
        return f"[{self.low:+.4f}, {self.high:+.4f}]"


def strata(labels: Floats) -> list[NDArray[np.int64]]:
    """The rows of each stratum: one per class, or per tenth of a numeric label."""
    values, classes = np.unique(labels, return_inverse=True)
    if len(values) > CLASSES:
        edges = np.quantile(labels, np.linspace(0, 1, CLASSES + 1)[1:-1])
        classes = np.searchsorted(edges, labels)
    return [np.flatnonzero(classes == number) for number in np.unique(classes)]


def resample(labels: Floats, resamples: int, draw: Draw) -> Floats:
    """The figures of every resample; shape (resamples, figures)."""
    groups = strata(labels)
    seeds = np.random.SeedSequence(SEED).spawn(resamples)

    def one(seed: np.random.SeedSequence) -> Sequence[float]:
        random = np.random.Generator(np.random.SFC64(seed))
        weights = np.empty(len(labels))
        for rows in groups:
            drawn = random.integers(0, len(rows), len(rows), dtype=np.int32)
            weights[rows] = np.bincount(drawn, minlength=len(rows))
        return draw(weights)

    # NumPy lets go of the interpreter in the loops that count.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return np.array(list(threads.map(one, seeds, chunksize=1)))


def percentile(differences: Floats) -> Interval:
    """The middle of the resampled differences; for a thousand of them or more."""
    low, high = np.nanquantile(differences, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high))


def normal(difference: float, differences: Floats) -> Interval:
    """The difference, give or take its resampled standard error; for a hundred or more."""
    error = NORMAL * float(np.nanstd(differences, ddof=1))
    return Interval(difference - error, difference + error)
