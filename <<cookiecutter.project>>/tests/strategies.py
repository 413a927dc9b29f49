"""Frames that keep a pandera model, and frames that break it, made from the model itself."""

import datetime
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
import pandera.polars as pa
import polars as pl
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Model = type[pa.DataFrameModel]
Values = SearchStrategy[Any]

# Printable, on one line: whether `$` stands before a last line break differs between Python's
# regular expressions and those of polars, and no column of a table holds one.
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=8)

# What each rule asks of a value, by pandera's name for it, from the rule's own numbers.
KEPT: Mapping[str, Callable[[Any, Mapping[str, Any]], bool]] = {
    "greater_than_or_equal_to": lambda value, rule: value >= rule["min_value"],
    "greater_than": lambda value, rule: value > rule["min_value"],
    "less_than_or_equal_to": lambda value, rule: value <= rule["max_value"],
    "less_than": lambda value, rule: value < rule["max_value"],
    "equal_to": lambda value, rule: value == rule["value"],
    "not_equal_to": lambda value, rule: value != rule["value"],
    "isin": lambda value, rule: value in rule["allowed_values"],
    "notin": lambda value, rule: value not in rule["forbidden_values"],
    "str_startswith": lambda value, rule: value.startswith(rule["string"]),
    "str_endswith": lambda value, rule: value.endswith(rule["string"]),
    "str_length": lambda value, rule: (
        (rule["min_value"] or 0) <= len(value) <= (rule["max_value"] or math.inf)
    ),
}


def frames(model: Model, min_rows: int = 0, max_rows: int = 6) -> SearchStrategy[pl.DataFrame]:
    """Frames that keep every rule of `model`."""
    return st.integers(min_rows, max_rows).flatmap(lambda rows: frames_of(model, rows))


def frames_of(model: Model, rows: int) -> SearchStrategy[pl.DataFrame]:
    columns = model.to_schema().columns
    lists = {name: cells(column, rows) for name, column in columns.items()}
    types = {name: column.dtype.type for name, column in columns.items()}
    return st.fixed_dictionaries(lists).map(lambda data: pl.DataFrame(data, schema=types))


def cells(column: Any, rows: int) -> SearchStrategy[list[Any]]:
    one = valid(column)
    if column.nullable:
        one = st.none() | one
    return st.lists(one, min_size=rows, max_size=rows, unique=column.unique)


def valid(column: Any) -> Values:
    """Values that keep every check of the column."""
    rules = {rule.name: rule.statistics for rule in column.checks}
    if unknown := rules.keys() - KEPT.keys() - {"str_matches", "in_range"}:
        raise NotImplementedError(f"{column.name}: no strategy for {unknown}: add it to KEPT")
    if "isin" in rules:
        found: Values = st.sampled_from(list(rules.pop("isin")["allowed_values"]))
    elif "str_matches" in rules:
        found = st.from_regex(rules.pop("str_matches")["pattern"], fullmatch=True).map(str.strip)
    else:
        span = rules.pop("in_range", {})
        low = span.get("min_value", rules.get("greater_than_or_equal_to", {}).get("min_value"))
        high = span.get("max_value", rules.get("less_than_or_equal_to", {}).get("max_value"))
        found = of_type(column.dtype.type, low, high)
    for name, rule in rules.items():
        found = found.filter(partial(keeps, KEPT[name], rule))
    return found


def keeps(kept: Callable[[Any, Any], Any], rule: Any, value: Any) -> bool:
    return bool(kept(value, rule))


def of_type(dtype: Any, low: Any = None, high: Any = None) -> Values:
    """Values of a polars type between two bounds, or all."""
    if dtype.is_integer():
        all_of_it = np.iinfo(str(dtype).lower())
        return st.integers(
            int(all_of_it.min) if low is None else low, int(all_of_it.max) if high is None else high
        )
    if dtype.is_float():
        width: Literal[32, 64] = 32 if dtype == pl.Float32 else 64
        whole = low is None and high is None
        return st.floats(low, high, width=width, allow_nan=whole, allow_infinity=whole)
    if dtype == pl.String:
        return TEXT
    if dtype == pl.Boolean:
        return st.booleans()
    if dtype == pl.Date:
        return st.dates(low or datetime.date.min, high or datetime.date.max)
    raise NotImplementedError(f"no strategy for the type {dtype}: add it to of_type")


def wrong_cells(model: Model, min_rows: int = 1) -> SearchStrategy[pl.DataFrame]:
    """Frames of the right shape, some cells of which are null, NaN, any value or a repetition."""

    @st.composite
    def draw_frame(draw: st.DrawFn) -> pl.DataFrame:
        frame = draw(frames(model, min_rows=min_rows))
        for name in draw(st.lists(st.sampled_from(frame.columns), unique=True, max_size=5)):
            held = frame[name].to_list()
            anything = st.none() | of_type(frame.schema[name]) | st.sampled_from(held or [None])
            for row in draw(st.lists(st.integers(0, frame.height - 1), min_size=1, max_size=3)):
                held[row] = draw(anything)
            frame = frame.with_columns(pl.Series(name, held, frame.schema[name]))
        return frame

    return draw_frame()


def wrong_shapes(model: Model) -> SearchStrategy[pl.DataFrame]:
    """Frames with columns missing, too many, or of another type."""

    @st.composite
    def draw_frame(draw: st.DrawFn) -> pl.DataFrame:
        frame = draw(frames(model))
        for name in draw(st.lists(st.sampled_from(frame.columns), unique=True, max_size=3)):
            change = draw(st.sampled_from(["drop", "add", "cast"]))
            if change == "drop":
                frame = frame.drop(name)
            elif change == "add":
                frame = frame.with_columns(pl.col(name).alias(f"{name}_again"))
            else:
                other = pl.Boolean if frame.schema[name] == pl.String else pl.String
                frame = frame.with_columns(pl.lit(None, other).alias(name))
        return frame

    return draw_frame()
