"""A column of a request, as it came: its values are looked at together, and become Python's own
only where somebody asks for rows.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.encoding import Coded
from serving.rows.field import TIMES, Field

# Rows below which numbers are copied: so few may wait for others (ranges.py), and would hold on to
# all bytes of their request.
FEW = 100


@dataclass(frozen=True)
class Numbers:
    """Numbers in the buffer that they came in; NaN is null."""

    found: NDArray[Any]
    valid: NDArray[np.bool_] | None = None  # of whole numbers; where it is left out, none is null

    def __len__(self) -> int:
        return len(self.found)

    def mask(self) -> NDArray[np.bool_]:
        return np.ones(len(self), np.bool_) if self.valid is None else self.valid

    def present(self) -> NDArray[Any]:
        """Those that are no nulls."""
        if self.valid is not None:
            return self.found[self.valid]
        if self.found.dtype.kind != "f":
            return self.found
        unknown = np.isnan(self.found)
        return self.found[~unknown] if unknown.any() else self.found

    def ends(self) -> list[Any]:
        """The least and the greatest, and None where there are nulls."""
        if self.valid is None:
            return ends([self])[0]
        return [*ends([Numbers(self.present())])[0], None]

    def floats(self) -> "Numbers":
        """As Python's floats, as which all numbers are decoded that need not be whole."""
        found = self.found.astype(np.float64, copy=False)
        return Numbers(found if self.valid is None else np.where(self.valid, found, np.nan))

    def python(self) -> list[Any]:
        """As Python has them, None for null."""
        valid = self.valid
        if self.found.dtype.kind == "f":
            valid = ~np.isnan(self.found)
        return blanked(self.found.tolist(), valid)


class Texts(Coded):
    """Texts in the buffer that they came in."""

    def __init__(
        self, known: Callable[[], Sequence[Any]], places: NDArray[np.intp], many: int, nulls: int
    ) -> None:
        """`many` values are different, null among them; `nulls` rows have none."""
        super().__init__(known, places)
        self.many, self.nulls = many, nulls


Column: TypeAlias = list[Any] | Numbers | Texts


def blanked(values: list[Any], valid: NDArray[np.bool_] | None) -> list[Any]:
    """The values, with None where they are not valid."""
    if valid is None or valid.all():
        return values
    return [value if known else None for value, known in zip(values, valid.tolist(), strict=True)]


def known(column: Column) -> int:
    """How many values are no nulls."""
    if isinstance(column, Numbers):
        return len(column.present())
    return len(column) - (column.nulls if isinstance(column, Texts) else column.count(None))


def different(column: Column, sample: Collection[Any]) -> int:
    """How many values there are, null left out."""
    if isinstance(column, Texts):
        return column.many - (column.nulls > 0)
    distinct = sample if isinstance(sample, set) else set(sample)
    return len(distinct) - (None in distinct)


def told(column: Column) -> list[Any]:
    """As Python has them, NaN or None for null."""
    if isinstance(column, Numbers) and column.valid is None:
        found: list[Any] = column.found.tolist()
        return found
    return python(column)


def python(column: Column) -> list[Any]:
    return column.python() if isinstance(column, Numbers) else list(column)


def joined(parts: Sequence[Column]) -> Column:
    """One column of those of several batches."""
    if len(parts) == 1:
        return parts[0]
    numbers = [part for part in parts if isinstance(part, Numbers)]
    if len(numbers) < len(parts):
        return [value for part in parts for value in python(part)]
    valid = None
    if any(part.valid is not None for part in numbers):
        valid = np.concatenate([part.mask() for part in numbers])
    return Numbers(np.concatenate([part.found for part in numbers]), valid)


def samples(fields: Sequence[Field], columns: Sequence[Column]) -> dict[str, list[Any]]:
    """Of each column, values that stand for all: if they are what the field must be, all are."""
    found: dict[str, list[Any]] = {}
    alike: dict[np.dtype[Any], dict[str, Numbers]] = {}
    for one, held in zip(fields, columns, strict=True):
        if isinstance(held, Numbers) and held.valid is None and one.ends:
            alike.setdefault(held.found.dtype, {})[one.name] = held
        else:
            found[one.name] = sample(one, held)
    for group in alike.values():
        found.update(zip(group, ends(list(group.values())), strict=True))
    return found


def ends(columns: Sequence[Numbers]) -> list[list[Any]]:
    """Of each, as `Numbers.ends`, in less than half the time; all are of one type and length."""
    found = np.array([held.found for held in columns])
    if not found.size:
        return [[] for _ in columns]
    least, greatest = np.fmin.reduce(found, axis=1), np.fmax.reduce(found, axis=1)
    unknown = np.isnan(found.min(axis=1)) if found.dtype.kind == "f" else np.zeros(len(found), bool)
    return [
        [None] if math.isnan(low) else [low, high, None] if nulls else [low, high]
        for low, high, nulls in zip(
            least.tolist(), greatest.tolist(), unknown.tolist(), strict=True
        )
    ]


def sample(one: Field, column: Column) -> list[Any]:
    """Values that stand for all of one column."""
    if isinstance(column, Numbers):
        if one.ends:
            return column.ends()
        present = column.present()
        return [*np.unique(present).tolist(), *[None] * (len(present) < len(column))]
    if one.kind in TIMES:
        return list(column)
    if isinstance(column, Texts):
        if one.free:  # any text will do: nobody needs to see them
            return ["", None] if column.nulls else [""]
        return list(column.values)
    return list(set(column))


def array(one: Field, column: Column) -> Any:
    """As `features.columns_of` has it: numbers in an array, NaN for null."""
    if one.dtype is None:
        return column.python() if isinstance(column, Numbers) else column
    if not isinstance(column, Numbers):
        return one.column(list(column))
    if column.valid is None:
        return column.found.astype(one.dtype, copy=len(column) < FEW)
    found = column.found.astype(one.floats)
    found[~column.valid] = np.nan
    return found
