"""The same rows in every format that has columns, and what a service makes of each."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl
import polars.selectors as cs
import pyarrow as pa  # type: ignore[import-untyped]

from pipeline import examples
from serving.refusal import Refusal
from serving.rows.contract import Contract, Rows
from serving.rows.reader import ARROW, JSON, Reader


def bodies(frame: pl.DataFrame) -> Iterator[tuple[str, bytes]]:
    """Kinds and bodies: JSON, and Arrow as views, as offsets, as dictionaries, in batches."""
    rows = said(frame)
    columns = {name: [row[name] for row in rows] for name in frame.columns}
    yield JSON, json.dumps({"columns": columns}).encode()
    for level in (pl.CompatLevel.newest(), pl.CompatLevel.oldest()):
        yield ARROW, by_polars(frame, compat_level=level)
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    coded = pa.table(
        {
            name: table[name].combine_chunks().dictionary_encode()
            if pa.types.is_large_string(table[name].type)
            else table[name]
            for name in table.column_names
        }
    )
    for whole, size in ((coded, None), (table, 7), (table, 150)):
        file = io.BytesIO()
        with pa.ipc.new_stream(file, whole.schema) as writer:
            writer.write_table(whole, max_chunksize=size)
        yield ARROW, file.getvalue()


def by_polars(frame: pl.DataFrame, **how: Any) -> bytes:
    file = io.BytesIO()
    frame.write_ipc_stream(file, **how)
    return file.getvalue()


@dataclass(frozen=True)
class Refused:
    errors: list[str]


def by_rows(reader: Reader, frame: pl.DataFrame) -> Rows | Refused:
    """What becomes of the frame as rows of JSON, whose verdict is pandera's (test_contract.py)."""
    return answered(reader, JSON, json.dumps({"rows": said(frame)}).encode())


def said(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """As JSON: a number of 32 bits is one of 64 there."""
    return examples.sendable(frame.with_columns(cs.float().cast(pl.Float64)))


def answered(reader: Reader, kind: str, body: bytes) -> Rows | Refused:
    try:
        return reader.read(kind, body)
    except Refusal as refused:
        return Refused(sorted(map(str, refused.errors)))


def same(contract: Contract, one: Rows, other: Rows) -> None:
    """Both are the same to the model and to the log."""
    ours, theirs = contract.columns(one), contract.columns(other)
    assert ours.keys() == theirs.keys()
    for name, column in ours.items():
        np.testing.assert_array_equal(plain(column), plain(theirs[name]), name)
        assert getattr(column, "dtype", list) == getattr(theirs[name], "dtype", list), name
    assert logged(contract, one) == logged(contract, other)


def plain(column: Any) -> Any:
    return column if isinstance(column, np.ndarray) else list(column)


def logged(contract: Contract, rows: Rows, key: bytes = b"") -> Any:
    return json.loads(msgspec.json.encode(contract.kept(rows, key)))
