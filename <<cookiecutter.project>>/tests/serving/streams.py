"""Streams of Arrow, as clients write them."""

import datetime
import io
from typing import Any

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from serving.refusal import Refusal
from serving.rows import arrow

MOST = 100
TIME = datetime.datetime(2013, 1, 1, 5, 6, 7, 8)
FRAME = pl.DataFrame(
    {
        "double": [1.5, None, float("nan")],
        "float": pl.Series([1.5, None, 0.1], dtype=pl.Float32),
        "text": ["x", None, "more than the twelve bytes of a view: é"],
        "whole": [1, 2, None],
        "byte": pl.Series([1, 2, 255], dtype=pl.UInt8),
        "short": pl.Series([None, -2, 3], dtype=pl.Int16),
        "truth": [True, None, False],
        "kind": pl.Series(["u", "v", None], dtype=pl.Categorical),
        "time": [TIME, None, TIME],
        "milli": pl.Series([TIME.replace(microsecond=0)] * 3, dtype=pl.Datetime("ms")),
        "day": [TIME.date(), None, TIME.date()],
        "clock": [TIME.time(), None, TIME.time()],
        "nothing": [None, None, None],
    }
)
NAMES = frozenset(FRAME.columns)


def by_polars(frame: pl.DataFrame, **how: Any) -> bytes:
    file = io.BytesIO()
    frame.write_ipc_stream(file, **how)
    return file.getvalue()


def by_pyarrow(table: pa.Table) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return file.getvalue()


BODIES = [
    by_polars(FRAME),
    by_polars(FRAME, compat_level=pl.CompatLevel.oldest()),
    by_pyarrow(FRAME.to_arrow()),
]


def refused(body: bytes, names: frozenset[str] = NAMES) -> tuple[int, list[str]]:
    with pytest.raises(Refusal) as caught:
        arrow.read(body, names, MOST)
    return caught.value.status, [str(error) for error in caught.value.errors]
