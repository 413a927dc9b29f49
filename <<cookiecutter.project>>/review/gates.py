"""What blocks a change: the limits of params.yaml, each with the reason it passed or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.metrics import Metric
from pipeline.params import Gates
from review.compare import Change


@dataclass(frozen=True)
class Gate:
    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class SliceScore:
    column: str
    value: str
    rows: int
    score: float


@dataclass(frozen=True)
class Facts:
    """What the gates are asked about; `change` is of the primary metric, where it is known."""

    scores: Mapping[str, float]
    change: Change | None
    slices: Sequence[SliceScore]
    model_bytes: int
    violations: int


def judge(facts: Facts, gates: Gates, metrics: Sequence[Metric], primary: Metric) -> list[Gate]:
    found = [
        limit(metric, facts.scores[metric.name], gates.limits[metric.name])
        for metric in metrics
        if metric.name in gates.limits
    ]
    found.append(no_loss(facts.change, gates.margin))
    found.append(slices(facts.slices, gates, primary))
    found.append(ceiling("model bytes", facts.model_bytes, gates.model_bytes))
    found.append(ceiling("contract violations", facts.violations, gates.violations))
    return found


def limit(metric: Metric, score: float, bound: float) -> Gate:
    passed = within(metric, score, bound)
    sign = "≥" if metric.higher_is_better else "≤"
    return Gate(metric.name, passed, f"{score:.4f}, must be {sign} {bound:g}")


def within(metric: Metric, score: float, bound: float) -> bool:
    return score >= bound if metric.higher_is_better else score <= bound


def no_loss(change: Change | None, margin: float) -> Gate:
    """The change must not be a loss, even at the worse end of its interval, beyond the margin."""
    name = "no loss against the base"
    if change is None:
        return Gate(name, True, "nothing to compare with")
    low = change.gain.low
    return Gate(
        name, low >= -margin, f"{change.metric}: at worst {low:+.4f}, must be ≥ {-margin:+g}"
    )


def slices(scores: Sequence[SliceScore], gates: Gates, metric: Metric) -> Gate:
    judged = [one for one in scores if one.rows >= gates.slice_rows]
    failed = [one for one in judged if not within(metric, one.score, gates.slice_limit)]
    sign = "≥" if metric.higher_is_better else "≤"
    rule = f"must be {sign} {gates.slice_limit:g} where there are {gates.slice_rows} rows"
    if not failed:
        return Gate("slices", True, f"{len(judged)} judged, {rule}")
    named = ", ".join(f"{one.column} {one.value} {one.score:.4f}" for one in failed)
    return Gate("slices", False, f"{named}: {rule}")


def ceiling(name: str, value: int, bound: int) -> Gate:
    return Gate(name, value <= bound, f"{value:,}, must be ≤ {bound:,}")
