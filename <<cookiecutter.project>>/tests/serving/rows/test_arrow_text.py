"""Texts are told apart without a look at each, and none is taken for another."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rows import arrow_text
from serving.rows.arrow_text import LONGEST, MANY, Text
from serving.rows.column import Texts
from serving.rows.flatbuffer import Damaged

TEXTS = [
    "",
    "a",
    "a\0",
    "\0",
    "ab",
    "é",
    "x" * 12,
    "x" * 13,
    "y" * 63,
    "y" * 64,
    "12345678",
    "abcd",
]
SOME = st.lists(st.sampled_from([*TEXTS, None]), min_size=1, max_size=3 * MANY)


def views(texts: list[str | None], padding: bytes = b"\0") -> tuple[memoryview, memoryview]:
    """As Arrow has them; `padding` stands behind those that are short."""
    held, more = b"", b""
    for one in texts:
        text = (one or "").encode()
        held += struct.pack("<i", len(text))
        if len(text) <= 12:
            held += text + padding * (12 - len(text))
        else:
            held += text[:4] + struct.pack("<ii", 0, len(more))
            more += text
    return memoryview(held), memoryview(more)


def valid(texts: list[str | None]) -> arrow_text.Valid:
    return np.array([one is not None for one in texts]) if None in texts else None


def viewed(texts: list[str | None], padding: bytes = b"\0") -> Texts | list[str | None]:
    held, more = views(texts, padding)
    return arrow_text.viewed(held, [more], len(texts), valid(texts), Text())


def offsets(texts: list[str | None]) -> Texts | list[str | None]:
    encoded = [(one or "").encode() for one in texts]
    ends = np.cumsum([0, *map(len, encoded)]).astype("<i4").tobytes()
    held = memoryview(b"".join(encoded))
    return arrow_text.texts(memoryview(ends), held, "<i4", len(texts), valid(texts))


@given(SOME)
def test_every_layout_holds_the_same_texts(texts: list[str | None]) -> None:
    for found in (viewed(texts), viewed(texts, b"\xff"), offsets(texts)):
        assert list(found) == texts
        if isinstance(found, Texts):
            assert sorted(found.values, key=str) == sorted(set(texts), key=str)
            assert (found.many, found.nulls) == (len(set(texts)), texts.count(None))


def test_many_are_told_apart_as_numbers() -> None:
    texts: list[str | None] = ["a", "b"] * MANY

    assert isinstance(viewed(texts), Texts)
    assert isinstance(offsets(texts), Texts)
    assert not isinstance(offsets(["x" * (LONGEST + 1), "a"] * MANY), Texts)


def test_texts_with_the_same_number_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_text, "MIX", np.uint64(0))  # the last bytes alone count
    texts: list[str | None] = ["left of a word", "lost of a word"] * MANY

    for found in (viewed(texts), offsets(texts)):
        assert not isinstance(found, Texts)
        assert found == texts


@pytest.mark.parametrize("rows", [1, MANY])
def test_bytes_that_are_no_text_are_refused(rows: int) -> None:
    wrong = struct.pack("<i", 2) + b"\xc3\x28" + bytes(10)
    with pytest.raises(Damaged):
        list(arrow_text.viewed(memoryview(wrong * rows), [], rows, None, Text()))
    ends = (np.arange(rows + 1) * 2).astype("<i4").tobytes()
    with pytest.raises(Damaged):
        list(arrow_text.texts(memoryview(ends), memoryview(b"\xc3\x28" * rows), "<i4", rows, None))


@pytest.mark.parametrize("rows", [1, MANY])
@pytest.mark.parametrize("place", [(0, 1), (1, 0), (-1, 0), (0, -1), (0, 2**31 - 1)])
def test_a_view_that_points_elsewhere_is_refused(rows: int, place: tuple[int, int]) -> None:
    held = memoryview(struct.pack("<i4sii", 13, b"xxxx", *place) * rows)

    with pytest.raises(Damaged):
        arrow_text.viewed(held, [memoryview(b"x" * 13)], rows, None, Text())
    with pytest.raises(Damaged):
        arrow_text.viewed(held, [], rows, None, Text())
