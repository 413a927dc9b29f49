"""Each type of Arrow becomes Python's own, within bounds, or is refused."""

import datetime
import struct

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from serving.rows import arrow
from tests.serving.streams import MOST, TIME, by_polars, by_pyarrow, refused


def test_other_units_and_widths_of_times_are_understood() -> None:
    clocks = [datetime.time(1, 2, 3), None]
    table = pa.table(
        {
            "s": pa.array(clocks, pa.time32("s")),
            "ms": pa.array(clocks, pa.time32("ms")),
            "us": pa.array(clocks, pa.time64("us")),
            "ns": pa.array([TIME, None], pa.timestamp("ns")),
            "day": pa.array([TIME.date(), None], pa.date64()),
            "small": pa.array(["a", None], pa.dictionary(pa.int8(), pa.string())),
            "half": pa.array([0.5, None], pa.float16()),
        }
    )

    rows = arrow.read(by_pyarrow(table), frozenset(table.column_names), MOST).rows()

    first = {"s": clocks[0], "ms": clocks[0], "us": clocks[0], "ns": TIME, "day": TIME.date()}
    assert rows == [first | {"small": "a", "half": 0.5}, dict.fromkeys(table.column_names)]


def test_times_beyond_the_calendar_are_no_times() -> None:
    far = pa.array([2**62], pa.int64())
    table = pa.table({"a": far.cast(pa.timestamp("s")), "b": far.cast(pa.time64("ns"))})

    (row,) = arrow.read(by_pyarrow(table), frozenset("ab"), MOST).rows()

    assert not isinstance(row["a"], datetime.datetime)
    assert not isinstance(row["b"], datetime.time)


def test_a_text_that_many_rows_repeat_takes_no_memory_beyond_a_bound() -> None:
    long = "x" * 200_000
    named = pa.table({"a": pa.array([long] * MOST).dictionary_encode()})
    viewed = pl.DataFrame({"a": [long]})[[0] * MOST]

    for body in (by_pyarrow(named), by_polars(viewed)):
        assert len(body) < 2 * len(long)
        status, (rule,) = refused(body, frozenset("a"))
        assert (status, rule[:13]) == (422, "too much text")


def test_buffers_that_lie_in_each_other_are_refused() -> None:
    """Else each column could hold all bytes of a request, and many columns many times as much."""
    frame = pl.DataFrame({"a": [1] * MOST, "b": [2] * MOST})
    body = bytearray(by_polars(frame))
    (_, header, held) = list(arrow.messages(bytes(body)))[-1]
    begin = body.find(header.held)
    names = frozenset("ab")
    assert arrow.read(bytes(body), names, MOST).rows() == frame.to_dicts()

    for place in header.vector(2, 16):
        struct.pack_into("<qq", body, begin + place, 0, len(held))

    assert refused(bytes(body), names)[0] == 422


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([b"x"]),
        pa.array([TIME], pa.timestamp("us", "UTC")),
        pa.array([1], pa.duration("s")),
    ],
    ids=str,
)
def test_other_types_are_refused_by_their_column(values: pa.Array) -> None:
    body = by_pyarrow(pa.table({"a": values}))

    assert refused(body, frozenset("a")) == (422, ["a: is of an Arrow type that is not read here"])
