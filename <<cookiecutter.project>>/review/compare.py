"""Two models on the same rows: metrics, slices and decisions, with how sure each difference is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from pipeline.metrics import Metric, Score
from review.resample import Draw, Interval, Rows, deviations, normal, percentile

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
    """The rows that both predicted; column `base` beside `prediction`.

    In order of prediction: metrics that rank then walk through memory, not across it.
    """
    other = base.select("id", pl.col("prediction").alias("base"))
    return candidate.join(other, on="id", how="inner", maintain_order="left").sort(
        "prediction", "id"
    )


def changes(rows: pl.DataFrame, metrics: Sequence[Metric], primary: str) -> list[Change]:
    """Every metric on the paired rows, the primary one first."""
    ordered = sorted(metrics, key=lambda metric: metric.name != primary)
    first = changed(rows, ordered[:1], RESAMPLES)
    return first + changed(rows, ordered[1:], FEWER)


def changed(rows: pl.DataFrame, metrics: Sequence[Metric], resamples: int) -> list[Change]:
    scores = both(metrics, rows)
    ones = np.ones(rows.height)
    figures = [(before(ones), after(ones)) for before, after in scores]

    def prepare(part: Rows) -> Draw:
        chosen = scores if len(part) == rows.height else both(metrics, rows[part])
        return lambda weights: [after(weights) - before(weights) for before, after in chosen]

    drawn = deviations(rows["label"].to_numpy(), resamples, prepare)
    interval = percentile if resamples >= RESAMPLES else normal
    return [
        Change(
            metric.name,
            before,
            after,
            interval(after - before, drawn[:, place]),
            metric.higher_is_better,
        )
        for place, (metric, (before, after)) in enumerate(zip(metrics, figures, strict=True))
    ]


def both(metrics: Sequence[Metric], rows: pl.DataFrame) -> list[tuple[Score, Score]]:
    """The scores of base and candidate for each metric."""
    labels, base, candidate = (
        rows[name].to_numpy().astype(np.float64) for name in ("label", "base", "prediction")
    )
    return [(metric.of(labels, base), metric.of(labels, candidate)) for metric in metrics]


def slices(
    rows: pl.DataFrame, columns: Sequence[str], metric: Metric, least: int
) -> list[SliceChange]:
    """The metric in each slice of at least `least` rows, the largest first in each column."""
    found = []
    for column in columns:
        parts = rows.drop_nulls(column).partition_by(column, as_dict=True, maintain_order=True)
        for (value,), members in sorted(parts.items(), key=lambda part: -part[1].height):
            if members.height >= least:
                (change,) = changed(members, [metric], FEWER)
                found.append(SliceChange(column, str(value), members.height, change))
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
            pl.col("label") > threshold,
        )
        differing = rows.filter(yes != was)
        gained = differing.filter(yes == truth).height
        lost = differing.height - gained
    strongest = differing.sort(moved, descending=True, maintain_order=True).head(most)
    return Flips(gained, lost, strongest.select("base", "prediction", "label", *shown))
