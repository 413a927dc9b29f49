"""No step in a flatbuffer leaves its bytes, and each leads on."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rows import flatbuffer
from serving.rows.flatbuffer import Damaged, Table

# The way to the table, its vtable (its size, the table's, where its two fields lie), the table
# (the way back, a number, the way to a text), the text.
HELD = struct.pack("<IHHHHihhI4sI2s", 12, 8, 12, 4, 8, 8, 7, 0, 4, b"\2\0\0\0", 0x6968, b"\0\0")


def test_a_table_has_its_fields() -> None:
    table = flatbuffer.root(HELD)

    assert table.number(0, "<h") == 7
    assert table.text(1) == "hi"


def test_a_field_that_is_not_there_has_its_default() -> None:
    table = flatbuffer.root(HELD)

    assert table.number(5, "<h", 3) == 3
    assert table.text(5) == ""
    assert table.table(5) is None
    assert list(table.tables(5)) == []


@given(st.binary(max_size=64), st.integers(0, 3), st.integers(0, 40), st.binary(max_size=4))
def test_any_bytes_are_a_table_or_damaged(held: bytes, field: int, place: int, new: bytes) -> None:
    changed = HELD[:place] + new + HELD[place + len(new) :]
    for body in (held, changed):
        for ask in (
            lambda table: table.number(field, "<q"),
            lambda table: table.text(field),
            lambda table: list(table.tables(field)),
            lambda table: table.table(field),
        ):
            try:
                ask(flatbuffer.root(body))
            except Damaged:
                continue


def test_an_offset_leads_forward_only() -> None:
    with pytest.raises(Damaged):
        flatbuffer.follow(struct.pack("<I", 0), 0)
    with pytest.raises(Damaged):
        Table(HELD, 0).text(0)
