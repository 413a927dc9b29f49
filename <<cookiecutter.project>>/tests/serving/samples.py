"""Rows that keep a pandera model, rows that break it, and what pandera itself says of them."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl
from numpy.random import Generator

from serving.refusal import Refusal
from serving.rows.reader import JSON, Reader

Row = dict[str, Any]
Broken = list[set[str]]  # of each row, the fields that break a rule

# What clients send by mistake, or with intent.
ANYTHING: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, -0.0, 0.5, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63),
    -(2**63) - 1, 2**64, 10**30, 10**400, 1e308, -1e308, 5e-324, "", " ", "1", "1.0", "null", "é",
    "\u0000", "\U0001f6eb", "a" * 300, "EWR\n", "ABC\n", "ABC ", "abc", [], {}, [1], {"a": 1},
)  # fmt: skip


def bounds(column: Any) -> list[float]:
    numbers = [number for rule in column.checks for number in rule.statistics.values()]
    return [number for number in numbers if type(number) in (int, float)]


def near(column: Any) -> list[Any]:
    """Values on both sides of every rule, of the column's own type and of others."""
    found: list[Any] = []
    for bound in bounds(column):
        found += [bound, bound - 1, bound + 1, float(bound), bound - 0.5]
        found += [math.nextafter(bound, -math.inf), math.nextafter(bound, math.inf)]
    for rule in column.checks:
        for choice in rule.statistics.get("allowed_values", ()):
            found += [choice, f"{choice}\n", f" {choice}", str(choice).swapcase()]
    return found


def of_type(dtype: Any, value: Any) -> bool:
    """May a frame of this type hold the value? Strictly: no text is a number, no truth is one."""
    if value is None:
        return True
    if dtype == pl.String:
        return type(value) is str
    if dtype == pl.Boolean:
        return type(value) is bool
    if dtype.is_integer():
        info = np.iinfo(str(dtype).lower())
        return type(value) is int and info.min <= value <= info.max
    assert dtype.is_float(), dtype
    try:
        largest = float(np.finfo(np.float32 if dtype == pl.Float32 else np.float64).max)
        return type(value) in (int, float) and abs(float(value)) <= largest
    except OverflowError:
        return False


def pandera_says(schema: pa.DataFrameSchema, rows: Sequence[Row]) -> Broken:
    """Of each row, the columns that pandera refuses.

    A frame has one type per column, so that a value of another type is taken out before: it
    breaks the contract by itself.
    """
    broken: Broken = [set() for _ in rows]
    columns = {}
    for name, column in schema.columns.items():
        dtype = column.dtype.type
        values = [row[name] for row in rows]
        wrong = [not of_type(dtype, value) for value in values]
        for place, other in enumerate(wrong):
            if other:
                broken[place].add(name)
        kept = [None if other else value for value, other in zip(values, wrong, strict=True)]
        if dtype.is_float():
            kept = [None if value is None else float(value) for value in kept]
        columns[name] = pl.Series(name, kept, dtype, strict=True)
    try:
        schema.validate(pl.DataFrame(columns), lazy=True)
    except pa.errors.SchemaErrors as errors:
        for case in errors.failure_cases.select("column", "index").iter_rows():
            name, place = case
            broken[place].add(name)
    return broken


def reader_says(reader: Reader, row: Row) -> set[str]:
    """The fields that are refused when the row is sent; `*` is the whole of it."""
    try:
        reader.read(JSON, json.dumps({"rows": [row]}).encode())
    except Refusal as refused:
        return {error.field or "*" for error in refused.errors}
    return set()


def some(random: Generator, pool: Sequence[Any], count: int) -> list[Any]:
    return [pool[place] for place in random.integers(0, len(pool), count)]
