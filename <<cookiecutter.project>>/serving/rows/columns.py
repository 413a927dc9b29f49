"""From rows to columns, as `features.matrix` takes them."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from serving.rows.field import Field

# Rows from which on all values go into one list of which each column is picked: a thousand take
# three quarters of the time so, and thirty longer.
MANY = 100


class Columns:
    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = fields
        self.alike = alike([one for one in fields if not one.mixed])
        self.mixed = [(one, attrgetter(one.attribute)) for one in fields if one.mixed]

    def __call__(self, rows: Sequence[msgspec.Struct]) -> dict[str, Any]:
        if len(rows) == 1:
            return self.single(rows[0])
        tuples = map(msgspec.structs.astuple, rows)
        values: Iterable[Sequence[Any]]
        if len(rows) < MANY:
            values = zip(*tuples, strict=True)
        else:
            flat, step = list(chain.from_iterable(tuples)), len(self.fields)
            values = (flat[place::step] for place in range(step))
        return {one.name: one.column(held) for one, held in zip(self.fields, values, strict=True)}

    def single(self, row: msgspec.Struct) -> dict[str, Any]:
        """An array for each type: one for each field takes twice as long."""
        found: dict[str, Any] = {}
        for names, values, dtype in self.alike:
            if dtype is None:
                columns: Iterable[Any] = [[value] for value in values(row)]
            else:
                held = values(row)
                columns = np.fromiter(held, dtype, len(held)).reshape(-1, 1)
            # To ask for as many of both would take half as long as all of this.
            found.update(zip(names, columns))  # noqa: B905
        for one, value in self.mixed:
            found[one.name] = one.column((value(row),))
        return found


def alike(fields: Iterable[Field]) -> list[tuple[list[str], Callable[[Any], Any], Any]]:
    """Of each type: the names of its fields, what takes their values of a row, the type."""
    groups: dict[Any, list[Field]] = {}
    for one in fields:
        groups.setdefault(one.dtype, []).append(one)
    return [
        ([one.name for one in group], taking([one.attribute for one in group]), dtype)
        for dtype, group in groups.items()
    ]


def taking(attributes: Sequence[str]) -> Callable[[Any], Any]:
    """What takes the values of some attributes, as a tuple for one too."""
    if len(attributes) > 1:
        return attrgetter(*attributes)
    value = attrgetter(*attributes)
    return lambda row: (value(row),)
