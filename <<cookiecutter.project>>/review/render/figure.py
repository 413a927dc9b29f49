"""A chart as SVG inside an HTML figure, in the colours of the page that holds it."""

import math
from collections.abc import Callable
from html import escape

from review.render.charts import Axis, Chart, finite, x_axis, y_axis

COLOURS = 6  # --series-1 to --series-6 of the page; more series repeat them with other dashes
DASHES = ("", ' stroke-dasharray="6 4"', ' stroke-dasharray="2 3"')
LETTER = 7.0  # the width of one, for room that must be known before anything is drawn
WIDTH = 480
TOP = 10
RIGHT = 14


def figure(chart: Chart) -> str:
    """HTML; a sentence when there is nothing to draw."""
    if not chart.drawn:
        return f'<p class="note">{escape(chart.title)}: no values to draw.</p>'
    keys = "".join(
        f'<li><svg width="22" height="10" aria-hidden="true">{_key(chart, index)}</svg>'
        f"{escape(one.name)}</li>"
        for index, one in enumerate(chart.drawn)
    )
    body, height = _bars(chart) if chart.kind == "bar" else _lines(chart)
    names = ", ".join(one.name for one in chart.drawn)
    about = f"{chart.kind} chart of {chart.y_label} by {chart.x_label}: {names}"
    return (
        f"<figure><figcaption>{escape(chart.title)}</figcaption><ul>{keys}</ul>"
        f'<svg role="img" viewBox="0 0 {WIDTH} {height}"><title>{escape(chart.title)}</title>'
        f"<desc>{escape(about)}</desc>{body}</svg></figure>"
    )


def ticks(scale: Axis, most: int = 6) -> list[tuple[float, str]]:
    """Round values within a range, with their labels."""
    span = scale.high - scale.low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * times for times in (1, 2, 5, 10) if span / (power * times) <= most)
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    largest = max(abs(scale.low), abs(scale.high))
    plain = digits <= 6 and largest < 1e7
    exact = 2 + math.floor(math.log10(largest)) - math.floor(math.log10(step))
    values = [index * step + 0.0 for index in range(first, last + 1)]
    return [(value, f"{value:,.{digits}f}" if plain else f"{value:.{exact}g}") for value in values]


def _lines(chart: Chart) -> tuple[str, int]:
    height, y = 280, y_axis(chart)
    bottom = height - 44
    marks = ticks(y)
    left = 34 + LETTER * max(len(label) for _, label in marks)
    down = _scale(y, bottom, TOP)
    parts = [_grid(left, WIDTH - RIGHT, down(v), label, flat=True) for v, label in marks]
    length = len(chart.drawn[0].values)
    if chart.categories is None:
        x = x_axis(chart)
        across = _scale(x, left, WIDTH - RIGHT)
        parts += [_below(across(value), bottom, label) for value, label in ticks(x)]
        places = [x.low + (x.high - x.low) * i / max(length - 1, 1) for i in range(length)]
    else:
        across = _scale(Axis(-0.5, length - 0.5), left, WIDTH - RIGHT)
        room = LETTER * (max(len(one) for one in chart.categories) + 2)
        step = math.ceil(length * min(room, 120) / (WIDTH - RIGHT - left))
        shown = list(enumerate(chart.categories))[::step]
        parts += [_below(across(index), bottom, _cut(one, 18)) for index, one in shown]
        places = [float(index) for index in range(length)]
    for index, one in enumerate(chart.drawn):
        path, pen, last = [], "M", None
        for place, value in zip(places, finite(one.values), strict=True):
            if value is None:  # a gap, not a guess
                pen = "M"
                continue
            last = across(place), down(min(max(value, y.low), y.high))
            path.append(f"{pen}{last[0]:.1f} {last[1]:.1f}")
            pen = "L"
        parts.append(f'<path class="line" {_stroke(index)} d="{"".join(path)}"/>')
        if last and len(path) <= 31:
            dots = (point[1:].split() for point in path)
            parts += [f'<circle {_fill(index)} cx="{a}" cy="{b}" r="2.5"/>' for a, b in dots]
    parts.append(_axis(left, bottom, WIDTH - RIGHT, bottom))
    return "".join(parts) + _titles(chart.x_label, chart.y_label, left, bottom, height), height


def _bars(chart: Chart) -> tuple[str, int]:
    names = [_cut(one, 26) for one in chart.categories or ()]
    thick, gap = (14, 10) if len(chart.drawn) == 1 else (10, 12)
    row = thick * len(chart.drawn) + gap
    bottom = TOP + row * len(names)
    height = bottom + 44
    y = y_axis(chart)
    left = 14 + LETTER * max(len(name) for name in names)
    across = _scale(y, left, WIDTH - RIGHT - 10)
    base = min(max(0.0, y.low), y.high)
    parts = [_grid(TOP, bottom, across(v), label, flat=False) for v, label in ticks(y)]
    for place, name in enumerate(names):
        middle = TOP + row * (place + 0.5)
        parts.append(
            f'<text x="{left - 8:.1f}" y="{middle + 4:.1f}" class="end">{escape(name)}</text>'
        )
        for index, one in enumerate(chart.drawn):
            value = finite(one.values)[place]
            if value is None:
                continue
            start, end = sorted((across(base), across(min(max(value, y.low), y.high))))
            top = middle - row / 2 + gap / 2 + thick * index
            full = f"{(chart.categories or ())[place]}, {one.name}: {value:.6g}"
            parts.append(
                f'<rect {_fill(index)} x="{start:.1f}" y="{top:.1f}" width="{end - start:.1f}" '
                f'height="{thick - 1}" rx="1.5"><title>{escape(full)}</title></rect>'
            )
    parts.append(_axis(across(base), TOP, across(base), bottom))
    return "".join(parts) + _titles(chart.y_label, "", left, bottom, height), height


def _scale(values: Axis, start: float, end: float) -> Callable[[float], float]:
    return lambda v: start + (end - start) * ((v - values.low) / (values.high - values.low))


def _grid(start: float, end: float, place: float, label: str, *, flat: bool) -> str:
    x1, y1, x2, y2 = (start, place, end, place) if flat else (place, start, place, end)
    line = f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
    if not flat:
        return line + _below(place, end, label)
    return f'{line}<text x="{start - 8:.1f}" y="{place + 4:.1f}" class="end">{label}</text>'


def _axis(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="axis" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _below(x: float, bottom: float, label: str) -> str:
    return f'<text x="{x:.1f}" y="{bottom + 17:.1f}" class="mid">{escape(label)}</text>'


def _titles(across: str, down: str, left: float, bottom: float, height: int) -> str:
    x, y = (left + WIDTH - RIGHT) / 2, (TOP + bottom) / 2
    text = f'<text x="{x:.1f}" y="{height - 8}" class="mid name">{escape(_cut(across, 60))}</text>'
    if down:
        turned = f'<text transform="translate(13 {y:.1f}) rotate(-90)" class="mid name">'
        text += f"{turned}{escape(_cut(down, 40))}</text>"
    return text


def _key(chart: Chart, index: int) -> str:
    if chart.kind == "bar":
        return f'<rect {_fill(index)} x="5" width="12" height="10" rx="2"/>'
    return f'<path class="line" {_stroke(index)} d="M1 5H21"/>'


def _stroke(index: int) -> str:
    dash = DASHES[index // COLOURS % len(DASHES)]
    return f'style="stroke:var(--series-{index % COLOURS + 1})"{dash}'


def _fill(index: int) -> str:
    return f'style="fill:var(--series-{index % COLOURS + 1})"'


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
