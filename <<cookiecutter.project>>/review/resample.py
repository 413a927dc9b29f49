"""The paired, stratified bootstrap: how sure is a difference of two models on the same rows?

Efron and Tibshirani (1993), chapters 6 and 13. A resample is a weight per row: how often it
was drawn. Rows are drawn within strata of the label, and both models are scored under the
same weights. Many rows are resampled as a bag of little bootstraps, Kleiner et al. (2014):
random parts of them, each drawn from as often as if it were the whole.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Draw = Callable[[Floats], Sequence[float]]  # weights of the rows → figures
Prepare = Callable[[Rows], Draw]  # some of the rows, by number → their figures under weights

SEED = 1979  # fixed: a report on the same two trees says the same
CLASSES = 10  # labels of more values are numbers: their strata are tenths
CONFIDENCE = 0.95
NORMAL = 1.96  # standard errors that hold CONFIDENCE
LITTLE = 50_000  # rows of a part: all that a month's holdout has, a 20th of a million
EACH = 100  # resamples of a part: a standard error needs no more


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def __str__(self) -> str:
        return f"[{self.low:+.4f}, {self.high:+.4f}]"


def strata(labels: Floats) -> NDArray[np.int64]:
    """The number of each row's stratum: its class, or the tenth of a numeric label."""
    values, classes = np.unique(labels, return_inverse=True)
    if len(values) > CLASSES:
        edges = np.quantile(labels, np.linspace(0, 1, CLASSES + 1)[1:-1])
        classes = np.searchsorted(edges, labels)
    return np.asarray(classes, np.int64)


def deviations(labels: Floats, resamples: int, prepare: Prepare) -> Floats:
    """How far each resample's figures lie from those of the rows; shape (resamples, figures)."""
    groups = strata(labels)
    sizes = np.bincount(groups)
    random = np.random.default_rng(SEED)
    every = np.arange(len(labels))
    parts = [every]
    if len(labels) > LITTLE:
        parts = [
            np.sort(random.choice(every, LITTLE, replace=False))
            for _ in range(max(1, resamples // EACH))
        ]
    # Each resample has a seed of its own, so that threads change nothing.
    seeds = np.random.SeedSequence(SEED).spawn(resamples)
    found = []
    # BLAS would start threads for every dot product, which then wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        for number, part in enumerate(parts):
            draw = prepare(part)
            members = [np.flatnonzero(groups[part] == group) for group in range(len(sizes))]

            def one(
                seed: np.random.SeedSequence,
                draw: Draw = draw,
                members: list[Rows] = members,
                rows: int = len(part),
            ) -> Sequence[float]:
                return draw(weights(seed, rows, members, sizes))

            drawn = np.array(list(threads.map(one, seeds[number :: len(parts)])))
            found.append(drawn - np.array(draw(np.ones(len(part)))))
    return np.concatenate(found)


def weights(
    seed: np.random.SeedSequence, rows: int, members: Sequence[Rows], sizes: NDArray[np.int64]
) -> Floats:
    """How often each of `rows` rows is drawn, when each stratum is drawn from `sizes` times."""
    random = np.random.Generator(np.random.SFC64(seed))
    found = np.zeros(rows)
    for chosen, size in zip(members, sizes, strict=True):
        if len(chosen):
            drawn = random.integers(0, len(chosen), size, dtype=np.int32)
            found[chosen] = np.bincount(drawn, minlength=len(chosen))
    return found


def percentile(difference: float, drawn: Floats) -> Interval:
    """The middle of the resampled differences; for a thousand deviations or more."""
    low, high = np.nanquantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(difference + float(low), difference + float(high))


def normal(difference: float, drawn: Floats) -> Interval:
    """The difference, give or take its resampled standard error; for a hundred or more."""
    error = NORMAL * float(np.nanstd(drawn, ddof=1))
    return Interval(difference - error, difference + error)
