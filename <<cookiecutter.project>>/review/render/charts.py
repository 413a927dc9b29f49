"""Charts that a report can hold. `mermaid` draws them in Markdown, `figure` in the page."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

LARGEST = 1e100  # beyond it differences overflow; below its inverse they vanish


@dataclass(frozen=True)
class Series:
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """Series over categories, or over a numeric range on which their values are equally spaced."""

    title: str
    x_label: str
    y_label: str
    x: tuple[float, float] | tuple[str, ...]
    series: tuple[Series, ...]
    kind: Literal["line", "bar"] = "line"
    y: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        lengths = {len(one.values) for one in self.series}
        if self.categories is not None:
            lengths.add(len(self.categories))
        elif self.kind == "bar":
            raise ValueError(f"chart {self.title!r}: bars need categories, not a numeric range")
        if len(lengths) > 1:
            raise ValueError(f"chart {self.title!r}: numbers of values differ: {sorted(lengths)}")

    @property
    def categories(self) -> tuple[str, ...] | None:
        texts = tuple(one for one in self.x if isinstance(one, str))
        return texts if len(texts) == len(self.x) else None

    @property
    def drawn(self) -> tuple[Series, ...]:
        """The series that have a value to draw."""
        return tuple(s for s in self.series if any(v is not None for v in finite(s.values)))


class Axis(NamedTuple):
    low: float
    high: float


def finite(values: Iterable[float]) -> list[float | None]:
    """Plain floats, and None for what no axis can show."""
    plain = (float(value) for value in values)
    known = (v if math.isfinite(v) and abs(v) < LARGEST else None for v in plain)
    return [v if v is None or abs(v) > 1 / LARGEST else 0.0 for v in known]


def axis(values: Iterable[float]) -> Axis:
    """A range that holds the values and is wide enough to be divided into steps."""
    known = [value for value in finite(values) if value is not None] or [0.0, 1.0]
    low, high = min(known), max(known)
    largest = max(abs(low), abs(high))
    if high - low > largest * 1e-6:
        return Axis(low, high)
    margin = largest * 0.01 or 1.0
    return Axis(low - margin, high + margin)


def x_axis(chart: Chart) -> Axis:
    return axis(value for value in chart.x if not isinstance(value, str))


def y_axis(chart: Chart) -> Axis:
    if chart.y is not None:
        return axis(chart.y)
    values = [v for one in chart.drawn for v in finite(one.values) if v is not None]
    low, high = axis(values + [0.0] * (chart.kind == "bar"))
    margin = (high - low) * 0.05
    return Axis(low - margin if low else 0.0, high + margin if high else 0.0)
