"""The report's charts, from the points that the stages wrote."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline import files
from review.render.charts import Chart, Series
from review.render.document import Section
from review.version import Version

POINTS = 60  # a chart in a comment shows no more
BARS = 12  # the features that matter fit; the rest are near zero
STEPS = 20  # between 0 and 1


def sections(candidate: Version, base: Version | None) -> list[Section]:
    versions = [version for version in (base, candidate) if version]
    charts = [learning(versions), *curves(versions), importance(versions)]
    kept = tuple(chart for chart in charts if chart)
    return [Section("Plots", kept)] if kept else []


def learning(versions: Sequence[Version]) -> Chart | None:
    """The stopping metric on the validation rows, by iteration."""
    histories = [version.json(files.LEARNING) for version in versions]
    keys = [key for key in histories[-1][0] if key.startswith("validation_")]
    if not keys:
        return None
    longest = max(len(history) for history in histories)
    places = np.unique(np.linspace(0, longest - 1, min(POINTS, longest)).astype(int))
    series = tuple(
        Series(version.name, tuple(at(history, place, keys[0]) for place in places))
        for version, history in zip(versions, histories, strict=True)
    )
    label = keys[0].removeprefix("validation_")
    return Chart("Learning", "iteration", label, (1.0, float(longest)), series)


def at(history: Sequence[dict[str, float]], place: int, key: str) -> float:
    return history[place].get(key, float("nan")) if place < len(history) else float("nan")


def curves(versions: Sequence[Version]) -> list[Chart]:
    """Every curve that `pipeline/evaluate.py` declares, on evenly spaced positions."""
    from pipeline.evaluate import CURVES

    return [chart for name in CURVES if (chart := curve(name, versions))]


def curve(name: str, versions: Sequence[Version]) -> Chart | None:
    points = [version.curve(name) for version in versions]
    if not points[-1]:
        return None
    x, y = points[-1][0]
    positions = [row[x] for rows in points for row in rows if x in row]
    low, high = min(positions), max(positions)
    grid = np.linspace(low, high, STEPS + 1)
    series = tuple(
        Series(version.name, spaced(rows, x, y, grid))
        for version, rows in zip(versions, points, strict=True)
    )
    title = name.replace("_", " ")
    return Chart(title, x.replace("_", " "), y.replace("_", " "), (low, high), series)


def spaced(rows: Sequence[dict[str, float]], x: str, y: str, grid: Any) -> tuple[float, ...]:
    if not rows or x not in rows[0]:
        return (float("nan"),) * len(grid)
    ordered = sorted(rows, key=lambda row: row[x])
    xs, ys = [row[x] for row in ordered], [row[y] for row in ordered]
    return tuple(np.interp(grid, xs, ys, left=np.nan, right=np.nan))


def importance(versions: Sequence[Version]) -> Chart | None:
    """What a shuffled feature costs, for the features that matter most to the candidate."""
    bars = [{bar["feature"]: bar["loss"] for bar in v.json(files.IMPORTANCE)} for v in versions]
    names = tuple(list(bars[-1])[:BARS])
    if not names:
        return None
    series = tuple(
        Series(version.name, tuple(values.get(name, float("nan")) for name in names))
        for version, values in zip(versions, bars, strict=True)
    )
    return Chart("Importance", "shuffled feature", "loss", names, series, kind="bar")
