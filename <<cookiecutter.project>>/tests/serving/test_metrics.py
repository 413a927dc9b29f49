"""Figures are those that Prometheus reads, and clients can't make new ones."""

import os
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.metrics import TOGETHER, Metrics
from serving.ranges import Ranges
from serving.refusal import Error, Refusal

ABOUT = {"release": "a" * 40, "model": "b" * 64}


def made(threshold: float | None = 0.5) -> Metrics:
    gauges = {"log_waiting": ("Not in the database yet", lambda: 7.0)}
    return Metrics(ABOUT, ["x"], threshold, Ranges({"x": (0.0, 1.0)}), gauges)


def told(metrics: Metrics) -> dict[tuple[str, Any], float]:
    """Each sample by its name and its labels but the worker."""
    text, kind = metrics.exposition()
    assert kind.startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("worker") == str(os.getpid())
            found[sample.name, frozenset(labels.items())] = sample.value
    return found


def labels(**given: str) -> frozenset[tuple[str, str]]:
    return frozenset(given.items())


def test_requests_are_counted_by_route_and_status() -> None:
    metrics = made()
    for status in (200, 200, 422):
        metrics.answered("/predict", status, 0.003)

    found = told(metrics)
    assert found["service_requests_total", labels(route="/predict", status="200")] == 2
    assert found["service_requests_total", labels(route="/predict", status="422")] == 1
    assert found["service_request_seconds_bucket", labels(le="0.0025")] == 0
    assert found["service_request_seconds_bucket", labels(le="0.005")] == 3
    assert found["service_request_seconds_bucket", labels(le="+Inf")] == 3
    assert found["service_request_seconds_count", labels()] == 3
    assert found["service_request_seconds_sum", labels()] == pytest.approx(0.009)


def test_a_bound_belongs_to_its_bucket() -> None:
    metrics = made()
    metrics.answered("/predict", 200, 0.001)
    metrics.answered("/predict", 200, 1000.0)

    found = told(metrics)
    assert found["service_request_seconds_bucket", labels(le="0.001")] == 1
    assert found["service_request_seconds_bucket", labels(le="10.0")] == 1
    assert found["service_request_seconds_bucket", labels(le="+Inf")] == 2


def test_inferences_are_counted_by_size_class_and_range() -> None:
    metrics = made()
    metrics.inferred({"x": np.array([0.5, 2.0, np.nan])}, np.array([0.1, 0.5, 0.9], np.float32))

    found = told(metrics)
    assert found["service_predictions_total", labels(**{"class": "true"})] == 2
    assert found["service_predictions_total", labels(**{"class": "false"})] == 1
    assert found["service_batch_rows_bucket", labels(le="2.0")] == 0
    assert found["service_batch_rows_bucket", labels(le="4.0")] == 1
    assert found["service_batch_rows_sum", labels()] == 3
    assert found["service_out_of_range_total", labels(field="x")] == 1


def test_an_answer_that_only_rounds_to_the_threshold_is_no_yes() -> None:
    """And it makes no difference how many are looked at together."""
    metrics = made(0.7)
    low, high = np.array([0.7], np.float32), np.array([0.8], np.float32)
    assert low[0] >= np.float32(0.7)
    for _ in range(TOGETHER):
        for answer in (low, high):
            metrics.inferred({"x": np.array([0.5])}, answer)
            assert len(metrics.undecided) < TOGETHER

    metrics.inferred({"x": np.array([0.5])}, high)
    assert metrics.classes() == {"true": TOGETHER + 1, "false": TOGETHER}


def test_without_a_threshold_there_are_no_classes() -> None:
    metrics = made(None)
    metrics.inferred({"x": np.array([0.5])}, np.array([0.1], np.float32))

    found = told(metrics)
    assert found["service_predictions_total", labels(**{"class": "value"})] == 1


def test_errors_are_counted_by_field_and_clients_make_no_new_ones() -> None:
    metrics = made()
    metrics.refused(Refusal(422, [Error("x", "must be a number"), Error("theirs", "unknown")]))
    metrics.refused(Refusal(422, [Error("another", "unknown")]))

    found = told(metrics)
    assert found["service_errors_total", labels(status="422", field="x")] == 1
    assert found["service_errors_total", labels(status="422", field="")] == 2
    assert len([name for name, _ in found if name == "service_errors_total"]) == 2


def test_the_release_is_a_label_of_one_metric_and_gauges_are_asked() -> None:
    found = told(made())

    assert found["service_info", frozenset(ABOUT.items())] == 1
    assert found["service_log_waiting", labels()] == 7
