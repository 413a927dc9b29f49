"""Rows of JSON against the contract `Raw`: a frame, or a refusal by field and rule."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline import contract, schemas
from pipeline.contract import ROWS_NAMED, Violation

MISSING = object()
NAMED = 20  # unknown fields named in one answer: a client finds its fault by the first
LONGEST = 100  # characters of a name that is the client's own


class Broken(Exception):
    """Rows that break the contract."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__(f"{len(violations)} rules broken")
        self.violations = violations


@dataclass(frozen=True)
class Kind:
    """A type as JSON knows it."""

    name: str
    holds: Callable[[Any], bool]
    dtype: Any  # of polars


def whole(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def number(value: Any) -> bool:
    """JSON as Python reads it may also say NaN, Infinity and 10**400."""
    largest = sys.float_info.max
    return type(value) in (int, float) and -largest <= value <= largest


def truth(value: Any) -> bool:
    return type(value) is bool


def text(value: Any) -> bool:
    """JSON can say half of a surrogate pair, UTF-8 can't."""
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


WHOLE = Kind("a whole number", whole, pl.Int64)
NUMBER = Kind("a number", number, pl.Float64)
TRUTH = Kind("true or false", truth, pl.Boolean)
TEXT = Kind("text", text, pl.String)


def kind(dtype: pl.DataType) -> Kind:
    """What JSON says for a column: times and categories come as text."""
    if dtype.is_integer():
        return WHOLE
    if dtype.is_numeric():
        return NUMBER
    return TRUTH if dtype == pl.Boolean else TEXT


class Contract:
    """The columns of `Raw` that a client knows: all but the target."""

    def __init__(self) -> None:
        known = schemas.Raw.to_schema().columns
        targets = contract.columns(schemas.Raw, "target")
        self.columns: Mapping[str, Any] = {
            name: column for name, column in known.items() if name not in targets
        }
        self.types = {name: column.dtype.type for name, column in self.columns.items()}
        self.kinds = {name: kind(dtype) for name, dtype in self.types.items()}

    def frame(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """The rows as the pipeline has them.

        Raises:
            Broken: every rule that they break, without a value of theirs.
        """
        found = unknown(rows, self.columns)
        columns = {}
        for name, kind in self.kinds.items():
            values = [row.get(name, MISSING) for row in rows]
            absent = [value is MISSING for value in values]
            wrong = [value is not None and not kind.holds(value) for value in values]
            if any(absent):
                found.append(violation(name, "is missing", absent))
            elif any(wrong):
                found.append(violation(name, f"must be {kind.name}", wrong))
            else:
                column = converted(pl.Series(name, values, kind.dtype), self.types[name])
                lost = (
                    column.is_null() & pl.Series(values, dtype=kind.dtype).is_not_null()
                ).to_list()
                if any(lost):
                    found.append(violation(name, f"must be {self.types[name]}", lost))
                columns[name] = column
        if found:
            raise Broken(found)
        frame = pl.DataFrame(columns)
        if found := contract.value_violations(frame, self.columns):
            raise Broken(found)
        return frame


def converted(said: pl.Series, dtype: pl.DataType) -> pl.Series:
    """What JSON said as the type of the column; null where it can't be."""
    if said.dtype == dtype:
        return said
    if dtype.is_temporal():
        return said.str.strptime(dtype, strict=False)  # type: ignore[arg-type]
    return said.cast(dtype, strict=False)


def unknown(rows: list[dict[str, Any]], columns: Mapping[str, Any]) -> list[Violation]:
    names = sorted({name for row in rows for name in row.keys() - columns.keys()})[:NAMED]
    return [
        violation(name[:LONGEST], "is not in the contract", [name in row for row in rows])
        for name in names
    ]


def violation(name: str, rule: str, broken: list[bool]) -> Violation:
    places = [place for place, one in enumerate(broken) if one]
    return Violation(name, rule, len(places), tuple(places[:ROWS_NAMED]))
