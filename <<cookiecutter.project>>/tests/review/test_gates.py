"""Each gate is seen to block."""

from dataclasses import replace

import pytest

from pipeline import metrics, params
from pipeline.metrics import Metric
from review.compare import Change
from review.gates import Facts, SliceScore, judge
from review.resample import Interval

METRICS = (
    Metric("roc_auc", metrics.roc_auc, higher_is_better=True),
    Metric("expected_calibration_error", metrics.expected_calibration_error, False),
)
GATES = params.Gates(
    limits={"roc_auc": 0.6, "expected_calibration_error": 0.1},
    margin=0.002,
    slice_limit=0.55,
    slice_rows=500,
    model_bytes=1000,
    violations=0,
)
GOOD = Facts(
    scores={"roc_auc": 0.7, "expected_calibration_error": 0.05},
    change=Change("roc_auc", 0.69, 0.7, Interval(-0.001, 0.02), higher_is_better=True),
    slices=[SliceScore("origin", "JFK", 500, 0.56), SliceScore("origin", "LGA", 499, 0.1)],
    model_bytes=1000,
    violations=0,
)


def failed(facts: Facts) -> list[str]:
    return [gate.name for gate in judge(facts, GATES, METRICS, METRICS[0]) if not gate.passed]


def test_what_keeps_every_limit_passes() -> None:
    assert failed(GOOD) == []


@pytest.mark.parametrize(
    ("facts", "gate"),
    [
        (replace(GOOD, scores={**GOOD.scores, "roc_auc": 0.599}), "roc_auc"),
        (
            replace(GOOD, scores={**GOOD.scores, "expected_calibration_error": 0.11}),
            "expected_calibration_error",
        ),
        (
            replace(GOOD, change=Change("roc_auc", 0.7, 0.7, Interval(-0.003, 0.1), True)),
            "no loss against the base",
        ),
        (replace(GOOD, slices=[SliceScore("origin", "JFK", 500, 0.54)]), "slices"),
        (replace(GOOD, model_bytes=1001), "model bytes"),
        (replace(GOOD, violations=1), "contract violations"),
    ],
)
def test_each_gate_blocks_alone(facts: Facts, gate: str) -> None:
    assert failed(facts) == [gate]


def test_a_loss_of_a_metric_where_lower_is_better_blocks() -> None:
    worse = Change("log_loss", 0.5, 0.51, Interval(-0.001, 0.02), higher_is_better=False)
    assert failed(replace(GOOD, change=worse)) == ["no loss against the base"]


def test_without_a_base_there_is_no_loss() -> None:
    assert failed(replace(GOOD, change=None)) == []


def test_a_failed_slice_is_named_with_its_score() -> None:
    facts = replace(GOOD, slices=[SliceScore("carrier", "AA", 600, 0.5)])
    (gate,) = (gate for gate in judge(facts, GATES, METRICS, METRICS[0]) if not gate.passed)
    assert "carrier AA 0.5000" in gate.reason
    assert "0.55" in gate.reason
