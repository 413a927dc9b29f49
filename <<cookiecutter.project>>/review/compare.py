"""Two models on the same rows: metrics, slices and decisions, with how sure each difference is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from pipeline.metrics import Floats, Metric, Score
from review.resample import Interval, normal, percentile, resample

RESAMPLES = 1_000  # of the primary metric, whose interval is the verdict
FEWER = 100  # of the others: a standard error needs no more (Efron and Tibshirani, table 6.1)

Verdict = Literal["better", "worse", "no different"]


@dataclass(frozen=True)
class Change:
    """A metric of both sides; the interval is of the candidate less the base."""

    metric: str
    base: float
    candidate: float
    interval: Interval
    higher_is_better: bool

    @property
    def gain(self) -> Interval:
        """The interval with its sign such that up is better."""
        low, high = self.interval.low, self.interval.high
        return self.interval if self.higher_is_better else Interval(-high, -low)

    @property
    def verdict(self) -> Verdict:
        if self.gain.low > 0:
            return "better"
        return "worse" if self.gain.high < 0 else "no different"


@dataclass(frozen=True)
class SliceChange:
    column: str
    value: str
    rows: int
    change: Change


@dataclass(frozen=True)
class Flips:
    """Decisions that differ: counts by what was right, and the strongest rows."""

    gained: int  # the candidate is right where the base was wrong
    lost: int
    strongest: pl.DataFrame  # base, candidate, label, and the shareable columns


def pair(base: pl.DataFrame, candidate: pl.DataFrame) -> pl.DataFrame:
    """The rows that both predicted, in the candidate's order; column `base` beside `prediction`."""
    other = base.select("id", pl.col("prediction").alias("base"))
    return candidate.join(other, on="id", how="inner", maintain_order="left")


def changes(rows: pl.DataFrame, metrics: Sequence[Metric], primary: str) -> list[Change]:
    """Every metric on the paired rows, the primary one first."""
    ordered = sorted(metrics, key=lambda metric: metric.name != primary)
    first = changed(rows, ordered[:1], RESAMPLES)
    return first + changed(rows, ordered[1:], FEWER)


def changed(rows: pl.DataFrame, metrics: Sequence[Metric], resamples: int) -> list[Change]:
    labels = rows["label"].to_numpy()
    scores = [both(metric, rows) for metric in metrics]
    ones = np.ones(len(labels))

    def draw(weights: Floats) -> list[float]:
        return [candidate(weights) - base(weights) for base, candidate in scores]

    drawn = resample(labels, resamples, draw)
    found = []
    for place, (metric, (base, candidate)) in enumerate(zip(metrics, scores, strict=True)):
        before, after = base(ones), candidate(ones)
        if resamples >= RESAMPLES:
            interval = percentile(drawn[:, place])
        else:
            interval = normal(after - before, drawn[:, place])
        found.append(Change(metric.name, before, after, interval, metric.higher_is_better))
    return found


def both(metric: Metric, rows: pl.DataFrame) -> tuple[Score, Score]:
    labels = rows["label"].to_numpy()
    base, candidate = (rows[name].to_numpy().astype(np.float64) for name in ("base", "prediction"))
    return metric.of(labels, base), metric.of(labels, candidate)


def slices(
    rows: pl.DataFrame, columns: Sequence[str], metric: Metric, least: int
) -> list[SliceChange]:
    """The metric in each slice of at least `least` rows, the largest first in each column."""
    parts = [
        (column, str(value), members)
        for column in columns
        for value in rows[column].drop_nulls().unique().sort()
        if len(members := np.flatnonzero(rows[column].to_numpy() == value)) >= least
    ]
    parts.sort(key=lambda part: (columns.index(part[0]), -len(part[2])))
    scores = [both(metric, rows[members]) for _, _, members in parts]

    def draw(weights: Floats) -> list[float]:
        return [
            after(weights[members]) - before(weights[members])
            for (_, _, members), (before, after) in zip(parts, scores, strict=True)
        ]

    if not parts:
        return []
    drawn = resample(rows["label"].to_numpy(), FEWER, draw)
    found = []
    for place, (column, value, members) in enumerate(parts):
        before, after = (score(np.ones(len(members))) for score in scores[place])
        interval = normal(after - before, drawn[:, place])
        change = Change(metric.name, before, after, interval, metric.higher_is_better)
        found.append(SliceChange(column, value, len(members), change))
    return found


def flips(rows: pl.DataFrame, threshold: float | None, shown: Sequence[str], most: int) -> Flips:
    """Where the two decide differently; without a threshold, where their values differ most."""
    moved = (pl.col("prediction") - pl.col("base")).abs()
    differing = rows
    gained = lost = 0
    if threshold is not None:
        yes, was, truth = (
            pl.col("prediction") > threshold,
            pl.col("base") > threshold,
            pl.col("label") > 0.5,
        )
        differing = rows.filter(yes != was)
        gained = differing.filter(yes == truth).height
        lost = differing.height - gained
    strongest = differing.sort(moved, descending=True, maintain_order=True).head(most)
    return Flips(gained, lost, strongest.select("base", "prediction", "label", *shown))
