"""What the contract says of a body, by other means than the service's: Python's JSON, and pandera.

A body is right if it is UTF-8 and JSON, names no field twice, has the right shape, and if pandera
accepts its rows.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import pandera.polars as pa

from tests.serving.samples import Row, pandera_says

MOST_DIGITS = 4000  # of a whole number; Python reads no more
WRONG: list[object] = []  # of no type that a column has


class Unclear(Exception):
    """The body is none that could be answered."""


class Twice(dict[str, Any]):
    """An object in which a name stands twice."""


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs) if len(dict(pairs)) == len(pairs) else Twice(pairs)


def whole(digits: str) -> int | float:
    return int(digits) if len(digits) < MOST_DIGITS else math.inf


def no_number(_: str) -> None:
    raise ValueError


def nan_is_null(name: str) -> None:
    if name != "NaN":
        raise ValueError


def parsed(body: bytes, constant: Callable[[str], None] = no_number) -> Any:
    try:
        return json.loads(
            body.decode(), object_pairs_hook=once, parse_int=whole, parse_constant=constant
        )
    except (ValueError, RecursionError):
        raise Unclear from None


def transposed(said: Any) -> list[Row]:
    """Rows of columns."""
    if type(said) is not dict or not all(type(held) is list for held in said.values()):
        raise Unclear
    if len({len(held) for held in said.values()}) > 1:
        raise Unclear
    return [dict(zip(said, row, strict=True)) for row in zip(*said.values(), strict=True)]


def predict(body: bytes) -> list[Any]:
    """The rows of a body for /predict."""
    said = parsed(body)
    if type(said) is dict and said.keys() == {"columns"}:
        return transposed(said["columns"])
    if type(said) is not dict or said.keys() != {"rows"} or type(said["rows"]) is not list:
        raise Unclear
    return list(said["rows"])


def invocations(body: bytes, floats: frozenset[str]) -> list[Any]:
    """The rows of a body for /invocations; `floats` are whole numbers that may come as floats."""
    said = parsed(body, nan_is_null)
    forms = {"dataframe_split", "dataframe_records"}
    if type(said) is not dict or len(said.keys() & forms) != 1 or said.keys() - forms - {"params"}:
        raise Unclear
    rows = said.get("dataframe_records")
    if "dataframe_split" in said:
        rows = split(said["dataframe_split"])
    if type(rows) is not list:
        raise Unclear
    for row in rows:
        for name in floats & row.keys() if isinstance(row, dict) else ():
            if isinstance(row[name], float) and row[name].is_integer():
                row[name] = int(row[name])
    return rows


def split(said: Any) -> list[Row]:
    if type(said) is not dict or said.keys() - {"index"} != {"columns", "data"}:
        raise Unclear
    names, data = said["columns"], said["data"]
    lists = type(names) is list and type(data) is list and all(type(row) is list for row in data)
    if not lists or not all(type(name) is str for name in names) or len(set(names)) < len(names):
        raise Unclear
    if any(len(row) != len(names) for row in data):
        raise Unclear
    return [dict(zip(names, row, strict=True)) for row in data]


class Oracle:
    """Says of bodies whether they are to be answered: many at once, as pandera takes its time."""

    def __init__(self, schema: pa.DataFrameSchema, key: str, most: int, good: Row) -> None:
        self.schema, self.key, self.most, self.good = schema, key, most, good
        self.names = set(schema.columns)
        self.floats = frozenset(
            name
            for name, one in schema.columns.items()
            if one.nullable and one.dtype.type.is_integer()
        )

    def rows(self, path: str, body: bytes) -> list[Any] | None:
        """The rows of a body; None where it must be refused for its form or its names."""
        try:
            found = invocations(body, self.floats) if path == "/invocations" else predict(body)
        except Unclear:
            return None
        return found if 0 < len(found) <= self.most else None

    def unique(self, rows: list[Any]) -> bool:
        """Does no key come twice?"""
        keys = [row[self.key] for row in rows if isinstance(row, dict) and self.key in row]
        return len({json.dumps(key) for key in keys}) == len(keys)

    def broken(self, rows: list[Any]) -> Any:
        """Of each row, the names of fields that break the contract."""
        if not rows:
            return iter(())
        filled = [self.filled(row) for row in rows]
        said = pandera_says(self.schema, filled)
        return iter(found | self.other(row) for row, found in zip(rows, said, strict=True))

    def filled(self, row: Any) -> Row:
        """A row with the right names, and no text that a frame can't hold."""
        held: Mapping[str, Any] = row if isinstance(row, dict) else {}
        return {name: storable(held.get(name, self.good[name])) for name in self.schema.columns}

    def other(self, row: Any) -> set[str]:
        """What is wrong with the names of a row; `*` where that has no name."""
        if type(row) is not dict:
            return {"*"}
        return self.names.symmetric_difference(row)


def storable(value: Any) -> Any:
    try:
        (value if isinstance(value, str) else "").encode()
    except UnicodeEncodeError:
        return WRONG
    return value
