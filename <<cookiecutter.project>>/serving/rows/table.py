"""Rows that came as columns, and stay columns on their way to the model."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from serving.rows import column
from serving.rows.column import Column, Numbers, python, told
from serving.rows.field import TIMES, Field


class Table:
    def __init__(self, columns: Mapping[str, Any], said: Sequence[Column], rows: int) -> None:
        """`columns` are as `features.matrix` takes them, `said` has the values of the rows."""
        self.columns, self.said, self.rows = columns, said, rows

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, part: slice) -> "Table":
        """Some of the rows, for the model alone."""
        found = {name: held[part] for name, held in self.columns.items()}
        return Table(found, (), len(range(*part.indices(self.rows))))

    def values(self) -> list[list[Any]]:
        """The values of each column, as rows have them."""
        return [python(held) for held in self.said]

    def told(self) -> list[list[Any]]:
        """The same, with NaN for some nulls: JSON has null for both, and it takes half the time."""
        return [told(held) for held in self.said]


def of(
    fields: Sequence[Field], decoded: type[msgspec.Struct], said: Mapping[str, Column]
) -> Table | None:
    """Columns as a table; None where a rule is broken: which one, their rows tell.

    `decoded` is a struct of these fields, each a list.
    """
    columns = [floats(one, said[one.name]) for one in fields]
    samples = column.samples(fields, columns)
    try:
        found = msgspec.structs.astuple(msgspec.convert(samples, decoded))
    except (msgspec.ValidationError, UnicodeEncodeError, RecursionError):
        return None
    for place, one in enumerate(fields):
        if one.kind in TIMES:  # text has become a time, and the sample is all of it
            columns[place] = found[place]
    return kept(fields, found, columns)


def of_lists(fields: Sequence[Field], lists: Sequence[list[Any]]) -> Table | None:
    """The same of lists whose values have the fields' types."""
    samples = [
        set(held) if one.late or one.unique else () for one, held in zip(fields, lists, strict=True)
    ]
    return kept(fields, samples, lists)


def kept(
    fields: Sequence[Field], samples: Sequence[Collection[Any]], columns: Sequence[Column]
) -> Table | None:
    """Columns of the right types, where they keep the rules that these can't hold."""
    for one, values, held in zip(fields, samples, columns, strict=True):
        if one.late and not one.keeps(values):
            return None
        if one.unique and column.different(held, values) < column.known(held):
            return None
    found = {one.name: column.array(one, held) for one, held in zip(fields, columns, strict=True)}
    return Table(found, columns, len(columns[0]))


def floats(one: Field, held: Column) -> Column:
    """Numbers need not be whole where the field's need not, and are decoded as floats then."""
    return held.floats() if one.type == "number" and isinstance(held, Numbers) else held


def together(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of several requests as those of one."""
    return {name: after([part[name] for part in parts]) for name in parts[0]}


def after(columns: Sequence[Any]) -> Any:
    """One column of several; whole numbers are floats where one of them has nulls."""
    if isinstance(columns[0], np.ndarray):
        return np.concatenate(columns)
    return [value for held in columns for value in held]
