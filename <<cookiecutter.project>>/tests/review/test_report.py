"""What the report says of what was found."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from pipeline import files, metrics
from pipeline.metrics import Metric
from review import report
from review.compare import Change, Flips, SliceChange
from review.drift import Drift
from review.gates import Gate
from review.render.markdown import markdown
from review.resample import Interval
from review.version import Version

RECORDS: Mapping[Path, Any] = {
    files.METRICS: {"model": {"roc_auc": 0.7}, "mean": {"roc_auc": 0.5}},
    files.COST: {"model_bytes": 2000, "training_seconds": 3.5},
    files.VALIDATION: {"rows": 1200},
    files.LEARNING: [{"iteration": 0, "validation_auc": 0.6}],
    files.IMPORTANCE: [{"feature": "wind", "loss": 0.1}],
}


@dataclass(frozen=True)
class Recorded(Version):
    """A version without files."""

    def json(self, path: Path) -> Any:
        return RECORDS[path]

    def curve(self, name: str) -> Any:
        return [{"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 1.0}]


def change(low: float, high: float) -> Change:
    middle = (low + high) / 2
    return Change("roc_auc", 0.7, 0.7 + middle, Interval(low, high), higher_is_better=True)


FOUND = report.Findings(
    candidate=Recorded("candidate", "working copy", Path(), {}, {}),
    base=Recorded("base", "dev", Path(), {}, {}),
    prod=None,
    primary=Metric("roc_auc", metrics.roc_auc, higher_is_better=True),
    note="",
    changes=[change(0.01, 0.03)],
    against_prod=[],
    slices=[SliceChange("origin", "JFK", 900, change(-0.05, -0.01))],
    flips=Flips(3, 1, pl.DataFrame({"base": [0.1], "prediction": [0.9], "label": [1.0]})),
    gates=[Gate("roc_auc", True, "fine")],
    parameters=[("train.seed", 1, 2)],
    schema=["`gust` is new"],
    drifts=[Drift("wind", 0.3), Drift("seats", 0.01)],
    same_data=False,
)


def text(**changed: Any) -> str:
    return markdown(report.document("flights", replace(FOUND, **changed)))


def test_the_verdict_comes_first_with_its_interval() -> None:
    lines = text().splitlines()
    assert lines[0].startswith("# 🟢")
    assert lines[2].startswith("**Better** than dev: roc_auc 0.7000 → 0.7200, change +0.0200")
    assert "[+0.0100, +0.0300]" in lines[2]
    assert "**Worse** than dev" in text(changes=[change(-0.03, -0.01)])
    assert "**No different** from dev" in text(changes=[change(-0.01, 0.01)])


def test_a_failed_gate_turns_the_report_red_whatever_the_metric_says() -> None:
    failed = text(gates=[Gate("model bytes", False, "too many")])
    assert failed.startswith("# 🔴")
    assert "Blocked by model bytes" in failed
    assert "too many" in failed


def test_a_slice_that_got_worse_while_the_whole_got_better_is_marked() -> None:
    assert "**Worse for origin JFK**, while the whole is better." in text()
    assert "None got worse" in text(slices=[SliceChange("origin", "JFK", 900, change(0.01, 0.05))])


def test_drift_schema_and_parameters_are_told() -> None:
    told = text()
    assert "1 of 2 columns drifted" in told
    assert "`gust` is new" in told
    assert "another population" in told
    assert "| `train.seed` | 1 | 2 |" in told
    assert "byte for byte" in text(same_data=True)
    assert "No parameter changed" in text(parameters=[])


def test_flips_are_counted_and_shown() -> None:
    assert "4 decisions differ: 3 became right, 1 became wrong" in text()
    assert "Predictions that flip" not in text(flips=None)


def test_what_cannot_be_compared_says_why() -> None:
    told = text(changes=[], slices=[], flips=None, note="No row is shared.")
    assert "**Not comparable** with dev. No row is shared." in told
    assert told.startswith("# ⚪")


def test_prod_stands_beside_the_base() -> None:
    prod = replace(FOUND.candidate, name="PROD", ref="main")
    told = text(prod=prod, against_prod=[change(0.02, 0.04)])
    assert "| PROD |" in told
    assert "[+0.0200, +0.0400]" in told
    assert "make report BASE=dev PROD=main" in told


def test_the_cost_of_both_stands_side_by_side() -> None:
    assert "| model bytes | 2,000 | 2,000 | +0% |" in text()
