"""Charts from what the stages wrote."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline import files
from review import plots
from review.version import Version


@dataclass(frozen=True)
class Recorded(Version):
    records: Mapping[Path, Any] = field(default_factory=dict)
    curves: Mapping[str, Any] = field(default_factory=dict)

    def json(self, path: Path) -> Any:
        return self.records[path]

    def curve(self, name: str) -> Any:
        return self.curves.get(name, [])


def version(name: str, iterations: int, bars: dict[str, float], **curves: Any) -> Recorded:
    history = [
        {"iteration": n, "train_auc": 1, "validation_auc": n / 10} for n in range(iterations)
    ]
    importance = [{"feature": key, "loss": loss} for key, loss in bars.items()]
    records = {files.LEARNING: history, files.IMPORTANCE: importance}
    return Recorded(name, name, Path(), {}, {}, records, curves)


def test_a_shorter_training_ends_earlier_in_the_chart() -> None:
    chart = plots.learning([version("base", 10, {}), version("candidate", 5, {})])
    assert chart is not None
    base, candidate = (series.values for series in chart.series)
    assert base == tuple(n / 10 for n in range(10))
    assert candidate[:5] == base[:5]
    assert all(map(math.isnan, candidate[5:]))


def test_a_long_training_is_thinned() -> None:
    chart = plots.learning([version("candidate", 1000, {})])
    assert chart is not None
    assert len(chart.series[0].values) == plots.POINTS


def test_importance_is_that_of_the_candidate_beside_the_base() -> None:
    chart = plots.importance(
        [version("base", 1, {"a": 0.1, "b": 0.2}), version("candidate", 1, {"c": 0.3, "a": 0.2})]
    )
    assert chart is not None
    assert chart.x == ("c", "a")
    base, candidate = (series.values for series in chart.series)
    assert math.isnan(base[0])
    assert (base[1], *candidate) == (0.1, 0.3, 0.2)


def test_curves_are_drawn_over_what_both_have() -> None:
    points = [{"p": 0.0, "q": 0.0}, {"p": 1.0, "q": 1.0}]
    chart = plots.curve("roc", [version("base", 1, {}), version("now", 1, {}, roc=points)])
    assert chart is not None
    base, now = (series.values for series in chart.series)
    assert all(map(math.isnan, base))
    assert now == pytest.approx([n / plots.STEPS for n in range(plots.STEPS + 1)])


def test_a_curve_that_the_candidate_does_not_have_is_left_out() -> None:
    assert plots.curve("roc", [version("now", 1, {})]) is None
