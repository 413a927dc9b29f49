"""What /metrics tells: plain numbers, counted in passing and given a form when somebody asks.

Each process counts its own answers; with several on one address, `worker` tells them apart.
"""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.ranges import Ranges
from serving.refusal import Refusal

# From what one row takes to what a client waits for at most.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
TOGETHER = 256  # rows that are looked at together: one by one they would take as long as the model


class Histogram:
    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last is of what lies above all bounds
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """How many lie at or below each bound."""
        below = np.cumsum(self.counts).tolist()
        return list(zip([*map(str, map(float, self.bounds)), "+Inf"], below, strict=True))


class Metrics:
    """A collector, as prometheus-client calls what it asks."""

    def __init__(
        self,
        about: Mapping[str, str],
        fields: Iterable[str],
        threshold: float | None,
        ranges: Ranges,
        gauges: Mapping[str, tuple[str, Callable[[], float]]],
    ) -> None:
        """`about` are the labels of the info metric, `gauges` what to ask at the time, by name."""
        self.fields = frozenset(fields)  # clients may name others, of which there is no end
        self.about, self.threshold, self.ranges, self.gauges = about, threshold, ranges, gauges
        self.requests: Counter[tuple[str, int]] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()  # by status and field
        self.latency = Histogram(SECONDS)
        self.batch = Histogram(ROWS)
        self.predictions = 0
        self.decided = 0  # of them
        self.positive = 0  # of these
        self.undecided: list[NDArray[np.float32]] = []

    def answered(self, route: str, status: int, seconds: float) -> None:
        self.requests[route, status] += 1
        self.latency.add(seconds)

    def refused(self, refusal: Refusal) -> None:
        """Each rule counts once for a request, however many rows break it."""
        for error in refusal.errors:
            known = error.field if error.field in self.fields else None
            self.errors[str(refusal.status), known or ""] += 1

    def inferred(self, columns: Mapping[str, Any], answers: NDArray[np.float32]) -> None:
        """One inference."""
        count = len(answers)
        self.batch.add(count)
        self.predictions += count
        self.undecided.append(answers)
        if self.predictions >= self.decided + TOGETHER:
            self.decide()
        self.ranges.add(columns, count)

    def decide(self) -> None:
        """Count what waits by class."""
        if self.threshold is not None and self.undecided:
            # As Python's floats: beside 32 bits, numpy would round the threshold to them.
            answers = np.concatenate(self.undecided, dtype=np.float64)
            self.positive += int(np.count_nonzero(answers >= self.threshold))
        self.undecided.clear()
        self.decided = self.predictions

    def classes(self) -> dict[str, int]:
        self.decide()
        if self.threshold is None:
            return {"value": self.predictions}
        return {"true": self.positive, "false": self.predictions - self.positive}

    def collect(self) -> Iterable[Any]:
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
            InfoMetricFamily,
        )

        worker = str(os.getpid())

        def counter(
            name: str, what: str, labels: Sequence[str], found: Mapping[Any, float]
        ) -> CounterMetricFamily:
            family = CounterMetricFamily(name, what, labels=["worker", *labels])
            for key, value in found.items():
                values = key if isinstance(key, tuple) else (key,)
                family.add_metric([worker, *map(str, values)], value)
            return family

        def histogram(name: str, what: str, found: Histogram) -> HistogramMetricFamily:
            family = HistogramMetricFamily(name, what, labels=["worker"])
            family.add_metric([worker], found.buckets(), found.total)
            return family

        info = InfoMetricFamily("service", "What answers", labels=["worker"])
        info.add_metric([worker], dict(self.about))
        yield info
        yield counter(
            "service_requests", "Requests answered", ["route", "status"], dict(self.requests)
        )
        yield counter(
            "service_errors", "Rules broken in requests", ["status", "field"], dict(self.errors)
        )
        yield histogram("service_request_seconds", "From head to answer", self.latency)
        yield histogram("service_batch_rows", "Rows of one inference", self.batch)
        yield counter("service_predictions", "Rows answered", ["class"], self.classes())
        what = "Values beyond those of the training"
        yield counter("service_out_of_range", what, ["field"], self.ranges.counts())
        for name, (what, value) in self.gauges.items():
            gauge = GaugeMetricFamily(f"service_{name}", what, labels=["worker"])
            gauge.add_metric([worker], value())
            yield gauge

    def exposition(self) -> tuple[bytes, str]:
        """All of it as text, and its content type."""
        # Asked for only here: it loads an HTTP server of its own.
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.exposition import CONTENT_TYPE_LATEST

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry), CONTENT_TYPE_LATEST
