"""What is wrong with the rows of a request: all of it, within bounds."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from serving.refusal import Error

if TYPE_CHECKING:
    from serving.rows.field import Field

NAMED = 5  # rows named for one rule: a client finds its fault by the first
MOST = 100  # rules in one answer: more help nobody, and each takes memory
UNKNOWN = 20  # unknown fields named in one row
LONGEST = 100  # characters of a name that is the client's own
WORK = 20_000  # values looked at: a thousand rows of twenty, some ten milliseconds


class Faults:
    def __init__(self) -> None:
        self.work = 0
        self.found: dict[tuple[str | None, str], list[int]] = {}  # the count, then the first rows

    def add(self, name: str | None, rule: str, place: int, count: int = 1) -> None:
        self.work += 1
        known = self.found.get((name, rule))
        if known is None:
            if len(self.found) >= MOST:
                return
            known = self.found[name, rule] = [0]
        known[0] += count
        if len(known) <= NAMED:
            known.append(place)

    def unknown(self, row: Iterable[str], names: Collection[str], place: int) -> None:
        """Name fields that no contract knows."""
        named = 0
        for name in row:
            self.work += 1
            if name not in names:
                self.add(shown(name), "is not in the contract", place)
                named += 1
                if named == UNKNOWN:
                    return

    def repeated(self, one: "Field", rows: Sequence[Any]) -> None:
        """Find values that stand in several of the rows."""
        places: dict[Any, list[int]] = {}
        for place, row in enumerate(rows):
            value = row.get(one.name) if isinstance(row, dict) else None
            if value is not None and not one.broken(value):
                places.setdefault(one.typed(value), []).append(place)
        again = sorted(place for held in places.values() if len(held) > 1 for place in held)
        for place in again:
            self.add(one.name, "must be unique", place)

    def spent(self) -> bool:
        return self.work >= WORK

    def rest(self, place: int, rows: int) -> None:
        """Say which rows nobody looked at."""
        self.found[None, "was not looked at: too much is wrong before it"] = [rows - place, place]

    def errors(self) -> list[Error]:
        return [
            Error(name, rule, count, tuple(places))
            for (name, rule), (count, *places) in self.found.items()
        ]


def shown(name: str) -> str:
    """A client's own name: short, and of what UTF-8 can hold."""
    return name[:LONGEST].encode(errors="replace").decode()
