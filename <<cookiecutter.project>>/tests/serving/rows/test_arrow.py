"""A stream of Arrow is its rows, whoever wrote it; other bytes are refused, and do no more."""

import struct
from random import Random

import polars as pl
import polars.selectors as cs
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.refusal import Refusal
from serving.rows import arrow
from tests.serving.streams import BODIES, FRAME, MOST, NAMES, by_polars, by_pyarrow, refused


@pytest.mark.parametrize("body", BODIES, ids=["views", "plain", "pyarrow"])
def test_every_writer_is_understood(body: bytes) -> None:
    expected = FRAME.with_columns(cs.float().fill_nan(None), cs.categorical().cast(pl.String))

    assert arrow.read(body, NAMES, MOST).rows() == expected.to_dicts()


def test_rows_of_several_batches_come_in_their_order() -> None:
    table = pa.table({"a": list(range(9))})

    rows = arrow.read(by_pyarrow(table), frozenset("a"), 9).rows()

    assert [row["a"] for row in rows] == [*range(9)]


def test_more_rows_than_allowed_are_refused_before_they_are_read() -> None:
    nothing = pl.DataFrame({"nothing": pl.Series([None] * (MOST + 1))})

    assert refused(by_polars(nothing), frozenset({"nothing"})) == (
        413, [f"at most {MOST} rows; send them in several requests"],
    )  # fmt: skip


def test_columns_must_be_those_of_the_contract() -> None:
    frame = FRAME.drop("text").with_columns(pl.lit(1).alias("x" * 200))

    assert refused(by_polars(frame)) == (
        422, [f"{'x' * 100}: is not in the contract", "text: is missing"],
    )  # fmt: skip
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert refused(by_pyarrow(twice), frozenset("a")) == (422, ["a: is given twice"])


@pytest.mark.parametrize("how", ["lz4", "zstd"])
def test_compressed_streams_are_refused(how: str) -> None:
    status, (rule,) = refused(by_polars(FRAME, compression=how))

    assert (status, rule[:18]) == (422, "compressed buffers")


@pytest.mark.parametrize(
    "body", [b"", b"x", b"ARROW1\0\0", b"\xff" * 100, b"\xff\xff\xff\xff" + b"\0" * 4]
)
def test_what_is_no_stream_is_refused(body: bytes) -> None:
    assert refused(body)[0] == 422


@given(seed=st.integers(0, 2**63))
@settings(max_examples=200)
def test_damaged_streams_are_read_or_refused(seed: int) -> None:
    random = Random(seed)  # noqa: S311  nothing secret
    seen = set()
    for _ in range(50):
        body = bytearray(random.choice(BODIES))
        for _ in range(random.randint(1, 4)):
            place = random.randrange(0, len(body) - 4, 4)
            number = random.choice([0, 1, -1, 2**31 - 1, 1000, 2**24, 64, 8])
            match random.randrange(4):
                case 0:
                    body[place] ^= 2 ** random.randrange(8)
                case 1:
                    body[place + random.randrange(4)] = random.randrange(256)
                case 2:
                    body[place : place + 4] = struct.pack("<i", number)
                case 3:
                    del body[-random.randrange(1, 64) :]
        try:
            assert len(arrow.read(bytes(body), NAMES, MOST).rows()) <= MOST
        except Refusal as refusal:
            seen.add(refusal.status)
    assert seen <= {413, 422}
