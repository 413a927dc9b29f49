"""Rows that come as columns are accepted, refused and handed on as the same rows one by one."""

import datetime
from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import jsonschema, schemas
from serving.refusal import Refusal
from serving.rows import table
from serving.rows.contract import Contract
from serving.rows.reader import ARROW, Reader
from serving.rows.table import Table
from tests.serving import samples, tables
from tests.serving.tables import Refused

CONTRACT = Contract(jsonschema.of(schemas.Raw, ["late"]))
READER = Reader(CONTRACT, most=1000)
SIZE = 300  # rows: enough to be told apart as numbers, and to come in several batches


class Every(pa.DataFrameModel):
    """Types and rules that the example has not."""

    id: int = pa.Field(unique=True)
    byte: pl.Int8 = pa.Field(nullable=True, gt=-5, lt=100)
    whole: int = pa.Field(nullable=True, isin=[1, 2, 3])
    word: pl.UInt16 = pa.Field(isin=[1, 65535])
    half: pl.Float32 = pa.Field(in_range={"min_value": 0, "max_value": 1, "include_max": False})
    rate: float = pa.Field(isin=[0.0, 0.5, 2.0], nullable=True, unique=True)
    code: str = pa.Field(str_matches="^[a-zé]*$", nullable=True, unique=True)
    other: str = pa.Field(notin=["x"], str_length={"max_value": 80})
    kind: pl.Enum = pa.Field(dtype_kwargs={"categories": ["a", "b"]}, nullable=True)
    day: pl.Date = pa.Field(nullable=True)
    time: pl.Datetime
    clock: pl.Time = pa.Field(nullable=True)
    yes: bool = pa.Field(nullable=True)


EVERY = Contract(jsonschema.of(Every, []))


def of_every(random: np.random.Generator, size: int) -> pl.DataFrame:
    def some(*values: Any) -> list[Any]:
        return samples.some(random, values, size)

    texts = [None, *("é" * place + "a" * (place % 3) for place in range(1, size))]
    time = datetime.datetime(2013, 1, 1, 1, 2, 3, 4)
    return pl.DataFrame(
        {
            "id": pl.Series(range(size), dtype=pl.Int64),
            "byte": pl.Series(some(None, -4, 99), dtype=pl.Int8),
            "whole": pl.Series(some(None, 1, 2, 3), dtype=pl.Int64),
            "word": pl.Series(some(1, 65535), dtype=pl.UInt16),
            "half": pl.Series(some(0.0, 0.5, 0.1), dtype=pl.Float32),
            "rate": pl.Series([0.0, 0.5, 2.0, *[None] * (size - 3)], dtype=pl.Float64),
            "code": pl.Series(texts, dtype=pl.String),
            "other": pl.Series(some("", "z" * 12, "z" * 13, "y" * 70, "z\0"), dtype=pl.String),
            "kind": pl.Series(some(None, "a", "b"), dtype=pl.String),
            "day": pl.Series(some(None, time.date()), dtype=pl.Date),
            "time": pl.Series(some(time), dtype=pl.Datetime("us")),
            "clock": pl.Series(some(None, datetime.time(23, 59, 58)), dtype=pl.Time),
            "yes": pl.Series(some(None, True, False), dtype=pl.Boolean),
        }
    )


ODD: dict[Any, list[Any]] = {
    pl.String: [None, "", "x", "EWR", "EWR\n", "é", "a" * 100, "a" * 64, "z\0\0", "AA"],
    pl.Boolean: [None],
    pl.Date: [None],
    pl.Datetime: [None],
    pl.Time: [None],
}  # fmt: skip


def odd(column: pl.Series, near: list[Any]) -> list[Any]:
    """Values that the column can hold, and the contract perhaps not."""
    dtype = column.dtype.base_type()
    if dtype in ODD:
        return [*ODD[dtype], *(one for one in near if dtype == pl.String and isinstance(one, str))]
    numbers = [one for one in [*near, 0, 1, -1, 5, 127] if isinstance(one, int | float)]
    if dtype.is_integer():
        low, high = (column.dtype.min(), column.dtype.max())  # type: ignore[attr-defined]
        low, high = pl.select(low).item(), pl.select(high).item()
        return [None, low, high, *(int(one) for one in numbers if low <= one <= high)]
    return [None, float("nan"), -1e30, *(float(one) for one in numbers if abs(one) < 1e30)]


def broken(
    random: np.random.Generator, frame: pl.DataFrame, model: type[pa.DataFrameModel], wrong: int
) -> pl.DataFrame:
    """The frame, some values of which are others."""
    columns = model.to_schema().columns
    for _ in range(wrong):
        name = frame.columns[random.integers(len(frame.columns))]
        column = frame[name]
        values = column.to_list()
        (value,) = samples.some(random, odd(column, samples.near(columns[name])), 1)
        values[random.integers(len(values))] = value
        frame = frame.with_columns(pl.Series(name, values, column.dtype, strict=False))
    return frame


def agree(contract: Contract, frame: pl.DataFrame) -> bool:
    """Every format of columns has the verdict of rows; are they accepted?"""
    reader = Reader(contract, most=1000)
    expected = tables.by_rows(reader, frame)
    for kind, body in tables.bodies(frame):
        found = tables.answered(reader, kind, body)
        if isinstance(expected, Refused):
            assert found == expected
        else:
            assert isinstance(found, Table), found
            tables.same(contract, found, expected)
    return not isinstance(expected, Refused)


@given(seed=st.integers(0, 2**63), wrong=st.integers(0, 2))
@settings(max_examples=60)
def test_columns_are_refused_as_their_rows_are(raw: pl.DataFrame, seed: int, wrong: int) -> None:
    random = np.random.default_rng(seed)
    size = int(random.integers(1, SIZE))
    frame = raw.drop("late").sample(size, seed=seed % 2**32)

    agree(CONTRACT, broken(random, frame, schemas.Raw, wrong))


@given(seed=st.integers(0, 2**63), wrong=st.integers(0, 2))
@settings(max_examples=60)
def test_other_types_and_rules_too(seed: int, wrong: int) -> None:
    random = np.random.default_rng(seed)
    frame = of_every(random, int(random.integers(3, SIZE)))

    accepted = agree(EVERY, broken(random, frame, Every, wrong))

    assert accepted or wrong


@pytest.mark.parametrize("name", ["id", "month", "carrier", "distance", "wind"])
@pytest.mark.parametrize(
    "value",
    [1.0, float("inf"), 2**63 - 1, True, "1", None, datetime.date(2013, 1, 1), "\U0001f6eb"],
    ids=str,
)
def test_a_column_of_another_type_has_the_errors_of_its_rows(
    raw: pl.DataFrame, name: str, value: Any
) -> None:
    frame = raw.drop("late").head(2)
    frame = frame.with_columns(pl.Series(name, [value, value]))
    said = [row | {name: value} for row in tables.said(frame)]
    try:
        expected: Any = CONTRACT.rows(said)
    except Refusal as refusal:
        expected = Refused(sorted(map(str, refusal.errors)))

    found = tables.answered(READER, ARROW, tables.by_polars(frame))

    if isinstance(found, Refused):
        assert found == expected
    else:
        tables.same(CONTRACT, found, expected)


def test_a_piece_of_a_table_has_its_rows(raw: pl.DataFrame) -> None:
    frame = raw.drop("late").head(SIZE)
    whole = READER.read(ARROW, tables.by_polars(frame))
    part = READER.read(ARROW, tables.by_polars(frame[100:250]))

    assert isinstance(whole, Table)
    piece = whole[100:250]
    assert len(piece) == len(part) == 150
    for name, column in CONTRACT.columns(part).items():
        np.testing.assert_array_equal(tables.plain(piece.columns[name]), tables.plain(column))


def test_the_columns_of_several_requests_are_those_of_one(raw: pl.DataFrame) -> None:
    frame = raw.drop("late").head(SIZE)
    bodies = [tables.by_polars(frame[:120]), tables.by_polars(frame[120:121])]
    parts = [CONTRACT.columns(READER.read(ARROW, body)) for body in bodies]
    parts.append(CONTRACT.columns(CONTRACT.rows(tables.said(frame[121:]))))

    joined = table.together(parts)

    for name, column in CONTRACT.columns(CONTRACT.rows(tables.said(frame))).items():
        np.testing.assert_array_equal(tables.plain(joined[name]), tables.plain(column), name)


def test_private_fields_of_a_table_are_hashed_as_those_of_rows(raw: pl.DataFrame) -> None:
    said = jsonschema.of(schemas.Raw, ["late"])
    for name in ("wind", "carrier", "month"):
        said["properties"][name]["x-private"] = True
    contract = Contract(said)
    frame = raw.drop("late").head(SIZE)
    assert frame["wind"].has_nulls() or frame["wind"].is_nan().any()

    found = Reader(contract, most=1000).read(ARROW, tables.by_polars(frame))

    for key in (b"", b"key"):
        expected = tables.logged(contract, contract.rows(tables.said(frame)), key)
        assert tables.logged(contract, found, key) == expected
