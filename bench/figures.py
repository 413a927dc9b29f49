"""What a script of this folder tells: lines of JSON, which the bench prints beside their bounds."""

import json
import statistics
from collections.abc import Mapping, Sequence

from load import Load

COLUMNS = {"answers/s": "rate", "p50 ms": "p50", "p99 ms": "p99", "core µs": "cost"}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def show(figure: str, value: float, unit: str, bound: float, *, at_least: bool = False) -> None:
    line = {"figure": figure, "value": value, "unit": unit, "bound": bound, "at_least": at_least}
    print(json.dumps(line), flush=True)


def note(text: str) -> None:
    """A line without a bound."""
    print(json.dumps({"note": f"  {text}"}), flush=True)


def table(seen: Mapping[str, Sequence[Load]]) -> None:
    """Medians; the last column holds whoever else is at work."""
    note(f"{'':<14}" + "".join(f"{title:>11}" for title in COLUMNS))
    for name, kept in seen.items():
        found = (statistics.median(getattr(one, what) for one in kept) for what in COLUMNS.values())
        note(f"{name:<14}" + "".join(f"{value:>11,.5g}" for value in found))
