"""A chart as Mermaid, which forges draw wherever they show Markdown."""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from review.render.charts import Axis, Chart, Series, finite, x_axis, y_axis

# Mid tones, so that they stand out on a light and on a dark background.
PALETTE = (
    ("blue", "🟦", "#3b7dd8"),
    ("orange", "🟧", "#e07b1a"),
    ("green", "🟩", "#3a9d5d"),
    ("purple", "🟪", "#8e63ce"),
    ("red", "🟥", "#d64550"),
    ("brown", "🟫", "#9a6b4f"),
)
BARS = 20  # more categories than this do not render readably in a comment
POINTS = 65  # a line looks the same with more, and they only cost bytes
LABELS = 90  # characters that fit below a chart
UNITS = {-6: "millionths", -3: "thousandths", 3: "thousands", 6: "millions", 9: "billions"}


def mermaid(chart: Chart) -> str:
    """The body of a Mermaid block. Show `legend` with it: Mermaid itself draws none."""
    chart, bars = _scaled(_shortened(chart)), chart.kind == "bar"
    labels, rows = _rows(chart)
    y = y_axis(chart)
    height = max(200, 100 + 16 * len(labels)) if bars else 340
    colours = ", ".join(colour for _, _, colour in PALETTE)
    theme = {"backgroundColor": "transparent", "plotColorPalette": colours}
    config = {"xyChart": {"width": 720, "height": height}, "themeVariables": {"xyChart": theme}}
    x = f"[{', '.join(labels)}]" if labels else _range(x_axis(chart))
    return "\n".join(
        [
            f"%%{{init: {json.dumps(config)}}}%%",
            "xychart-beta" + " horizontal" * bars,
            f"  title {_quoted(chart.title, 80)}",
            f"  x-axis {_quoted(chart.x_label)} {x}",
            f"  y-axis {_quoted(chart.y_label)} {_range(y)}",
            *(f"  {chart.kind} [{', '.join(_number(v, y) for v in row)}]" for row in rows),
        ]
    )


def legend(chart: Chart) -> tuple[str, ...]:
    """Which colour is which series, and what `mermaid` leaves out: plain text, one item each."""
    short, whole = _shortened(chart), len(chart.categories or ())
    named = zip(PALETTE, short.drawn, strict=False)
    items = [f"{mark} {colour}: {one.name}" for (colour, mark, _), one in named]
    if more := len(chart.drawn) - len(short.drawn):
        items.append(f"{more} more series: in the page")
    if more := whole - len(short.categories or ()):
        items.append(f"the first {whole - more} of {whole}: the others are in the page")
    return tuple(items)


def _shortened(chart: Chart) -> Chart:
    chart = replace(chart, series=chart.drawn[: len(PALETTE)])
    if chart.categories is None:
        return chart
    most = BARS if chart.kind == "bar" else POINTS
    kept = tuple(Series(one.name, one.values[:most]) for one in chart.series)
    return replace(chart, x=chart.categories[:most], series=kept)


def _scaled(chart: Chart) -> Chart:
    """In thousands, thousandths, …: Mermaid sets long numbers so close that they overlap."""
    y = y_axis(chart)
    largest = max(abs(y.low), abs(y.high))
    power = 0 if 0.1 <= largest < 10_000 else 3 * math.floor(math.log10(largest) / 3)
    if power == 0:
        return chart
    factor = 10.0**-power
    return replace(
        chart,
        y_label=f"{_quoted(chart.y_label, 45)[1:-1]} ({UNITS.get(power, f'× 10^{power}')})",  # noqa: RUF001
        y=Axis(y.low * factor, y.high * factor),
        series=tuple(Series(s.name, tuple(v * factor for v in s.values)) for s in chart.series),
    )


def _rows(chart: Chart) -> tuple[list[str], list[list[float]]]:
    """Labels (none on a numeric axis) and one row of numbers for each series."""
    y = y_axis(chart)
    known = [
        [v if v is None else min(max(v, y.low), y.high) for v in finite(one.values)]
        for one in chart.series
    ]
    if chart.categories is None:
        count = _points(x_axis(chart), len(known[0]))
        return [], [_resampled(values, count) for values in known]
    if chart.kind == "line":
        wide = max(len(one) for one in chart.categories) + 2
        step = math.ceil(min(wide, 26) * len(chart.categories) / LABELS)
        shown = [one if i % step == 0 else "" for i, one in enumerate(chart.categories)]
        return _distinct(shown), [_resampled(values, len(values)) for values in known]
    # Mermaid draws the bars of all series on the same spot: give each its own slot, and a gap.
    # Values far below the axis make it draw nothing there, not even the stub of a zero.
    nothing, width = y.low - (y.high - y.low), len(known) + (len(known) > 1)
    slots = [one for name in chart.categories for one in (name or "-", *[""] * (width - 1))]
    rows = [[nothing] * len(slots) for _ in known]
    for index, values in enumerate(known):
        rows[index][index::width] = [nothing if value is None else value for value in values]
    return _distinct(slots), rows


def _resampled(values: Sequence[float | None], count: int) -> list[float]:
    """As many values, equally spaced; gaps are bridged, since Mermaid's lines cannot have any."""
    places = [index for index, value in enumerate(values) if value is not None]
    known = [value for value in values if value is not None]
    result: list[float] = []
    for index in range(count):
        place = index * (len(values) - 1) / max(count - 1, 1)
        right = bisect_right(places, place)
        if right in (0, len(places)):
            result.append(known[min(right, len(places) - 1)])
            continue
        left = right - 1
        part = (place - places[left]) / (places[right] - places[left])
        result.append(known[left] * (1 - part) + known[right] * part)
    return result


def _points(x: Axis, length: int) -> int:
    """A number of points for which Mermaid, which adds steps up in floats, reaches the last."""
    exact: list[int] = (
        [(length - 1) * times + 1 for times in range(1, 9)] if 1 < length <= POINTS else []
    )
    for count in exact + list(range(POINTS, 2, -1)):
        step = (x.high - x.low) / (count - 1)
        at, reached = x.low, 0
        while at <= x.high:
            at, reached = at + step, reached + 1
        if reached == count:
            return count
    return POINTS


def _number(value: float, scale: Axis) -> str:
    """Without an exponent, which Mermaid cannot read, and as exact as the scale can show."""
    digits = 3 - math.floor(math.log10(scale.high - scale.low))
    if digits <= 0:
        return f"{round(value)}"
    return f"{Decimal(repr(round(value, digits) + 0.0)):f}".removesuffix(".0")


def _range(scale: Axis) -> str:
    return f"{_number(scale.low, scale)} --> {_number(scale.high, scale)}"


# What would end a string, or start an entity, HTML or a directive. "C4C" anywhere in the text
# makes Mermaid take any diagram for another kind.
_SAFE = str.maketrans('"`;<>&{}\\', "'',‹›+()/")  # noqa: RUF001


def _quoted(text: str, width: int = 60) -> str:
    text = "".join(c if c.isprintable() else " " for c in text.translate(_SAFE))
    text = re.sub("%+", "%", " ".join(text.split())).replace("C4C", "C4 C") or "-"
    return f'"{text if len(text) <= width else text[: width - 1] + "…"}"'


def _distinct(labels: Iterable[str]) -> list[str]:
    """Quoted; equal ones told apart by invisible characters, or Mermaid would merge them."""
    seen: dict[str, int] = {}
    result = []
    for label in labels:
        text = _quoted(label, 26)[1:-1] if label else ""
        again = seen[text] = seen.get(text, -1) + 1
        mark = f"{again:b}" if again or not text else ""
        result.append(f'"{text}{mark.translate({48: 0x200B, 49: 0x200C})}"')
    return result
