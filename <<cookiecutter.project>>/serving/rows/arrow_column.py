"""The values of a column of an Arrow batch, as Python has them; null for NaN.

https://arrow.apache.org/docs/format/Columnar.html says how each type lies in its buffers, and
https://github.com/apache/arrow/tree/main/format how the schema names it.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.rows.arrow_text import (
    LARGE_UTF8,
    UTF8,
    UTF8_VIEW,
    Text,
    Unread,
    Valid,
    array,
    texts,
    viewed,
)
from serving.rows.column import Column, Numbers, Texts, blanked
from serving.rows.faults import shown
from serving.rows.flatbuffer import Damaged, Table, unpack

NULL, INT, FLOAT, BOOL, DATE, TIME, TIMESTAMP = 1, 2, 3, 6, 8, 9, 10
WIDTHS = {8: 1, 16: 2, 32: 4, 64: 8}  # bits, and bytes as numpy names them
UNITS = ("s", "ms", "us", "ns")
# The last microsecond of Python's calendar; numpy turns larger ones into others, without a word.
LAST = 253_402_300_799_999_999
PER = {"s": 10**6, "ms": 10**3, "us": 1, "D": 86_400 * 10**6}


@dataclass(frozen=True)
class Kind:
    """A column of the schema."""

    name: str
    type: int
    form: str  # as numpy names the values of its buffer
    unit: str  # of times
    dictionary: int | None  # whose values its numbers stand for
    index: str  # as numpy names those numbers

    def plain(self) -> "Kind":
        """The column of the dictionary itself."""
        return replace(self, dictionary=None)


def kind_of(field: Table) -> Kind:
    name, number, about = field.text(0), field.number(2, "<B"), field.table(3)
    dictionary = field.table(4)
    form = unit = ""
    if about is None:
        raise Damaged
    if number == INT:
        form = integer(about)
    elif number == FLOAT:
        form = {0: "<f2", 1: "<f4", 2: "<f8"}.get(about.number(0, "<h"), "")
    elif number == DATE:
        form, unit = ("<i4", "D") if about.number(0, "<h", 1) == 0 else ("<i8", "ms")
    elif number == TIME:
        unit = one_of(UNITS, about.number(0, "<h", 1))
        form = f"<i{WIDTHS.get(about.number(1, '<i', 32), 4)}"
    elif number == TIMESTAMP and not about.text(1):
        form, unit = "<i8", one_of(UNITS, about.number(0, "<h"))
    elif number in (UTF8, LARGE_UTF8):
        form = "<i4" if number == UTF8 else "<i8"
    elif number not in (NULL, BOOL, UTF8_VIEW):
        raise Unread(shown(name), "is of an Arrow type that is not read here")
    index = dictionary and (dictionary.table(1) or None)
    return Kind(
        name,
        number,
        form,
        unit,
        None if dictionary is None else dictionary.number(0, "<q"),
        integer(index) if index else "<i4",
    )


def integer(about: Table) -> str:
    width = WIDTHS.get(about.number(0, "<i"))
    if width is None:
        raise Damaged
    return f"<{'i' if about.number(1, '<B') else 'u'}{width}"


def one_of(known: tuple[str, ...], place: int) -> str:
    if not 0 <= place < len(known):
        raise Damaged
    return known[place]


class Batch:
    """A record batch: its buffers, handed out in the order of its columns."""

    def __init__(self, header: Table, held: memoryview, text: Text) -> None:
        if header.table(3) is not None:
            raise Unread(None, "compressed buffers are not read: write the stream uncompressed")
        self.held, self.left = held, len(held)
        self.text = text
        self.length = header.number(0, "<q")
        if self.length < 0:
            raise Damaged
        self.nodes = iter(pairs(header, 1))
        self.buffers = iter(pairs(header, 2))
        self.views = iter([unpack("<q", header.held, p) for p in header.vector(4, 8)])

    def rows(self) -> int:
        """How many values the next column has: those of the batch."""
        length, _ = next(self.nodes, (None, None))
        if length != self.length:
            raise Damaged
        return self.length

    def buffer(self) -> memoryview:
        start, length = next(self.buffers, (-1, 0))
        self.left -= max(0, length)  # none lies in another, or few bytes would become many
        if start < 0 or length < 0 or start + length > len(self.held) or self.left < 0:
            raise Damaged
        return self.held[start : start + length]


def pairs(header: Table, field: int) -> list[list[int]]:
    places = header.vector(field, 16)
    if not places:
        return []
    found: list[list[int]] = (
        np.frombuffer(header.held, "<i8", 2 * len(places), places.start).reshape(-1, 2).tolist()
    )
    return found


def values(kind: Kind, batch: Batch, dictionaries: Mapping[int, list[Any]]) -> Column:
    """The next column of a batch."""
    rows = batch.rows()
    if kind.type == NULL:
        return [None] * rows
    valid = validity(batch.buffer(), rows)
    if kind.dictionary is not None:
        numbers = array(batch.buffer(), kind.index, rows)
        return named(dictionaries.get(kind.dictionary), numbers, valid, batch.text)
    if kind.type in (UTF8, LARGE_UTF8):
        return texts(batch.buffer(), batch.buffer(), kind.form, rows, valid)
    if kind.type == UTF8_VIEW:
        views = batch.buffer()
        more = next(batch.views, -1)
        if not 0 <= more <= len(batch.held):
            raise Damaged
        buffers = [batch.buffer() for _ in range(more)]
        return viewed(views, buffers, rows, valid, batch.text)
    if kind.type == BOOL:
        return blanked(bits(batch.buffer(), rows).tolist(), valid)
    found = array(batch.buffer(), kind.form, rows)
    if kind.unit:
        return blanked(list(times(kind, found)), valid)
    held = Numbers(found, valid)
    return held if valid is None or kind.type == INT else held.floats()


def named(
    known: Sequence[Any] | None, numbers: NDArray[Any], valid: Valid, repeated: Text
) -> list[Any] | Texts:
    """The values of a dictionary that have these numbers."""
    wrong = (numbers < 0) | (numbers >= len(known or ()))
    if known is None or (wrong if valid is None else wrong & valid).any():
        raise Damaged
    nulls = 0
    if valid is not None:
        numbers = np.where(valid, numbers.astype(np.int64), len(known))
        known, nulls = [*known, None], len(valid) - int(np.count_nonzero(valid))
    used, places = np.unique(numbers, return_inverse=True)
    values = [known[number] for number in used.tolist()]
    lengths = np.array([len(value or "") for value in values], np.int64)
    repeated.take(int(lengths[places].sum()))
    if len(set(values)) < len(values):
        return list(map(values.__getitem__, places.tolist()))
    return Texts(lambda: values, places, len(values), nulls)


def validity(held: memoryview, rows: int) -> Valid:
    """Which values are no nulls; nothing where all are, or the buffer is left out."""
    found = bits(held, rows) if held else None
    return None if found is None or found.all() else found


def bits(held: memoryview, rows: int) -> NDArray[np.bool_]:
    if len(held) * 8 < rows:
        raise Damaged
    found = np.unpackbits(np.frombuffer(held, np.uint8), count=rows, bitorder="little")
    return found.view(np.bool_)


def times(kind: Kind, found: NDArray[Any]) -> Iterator[Any]:
    """Dates and times; a number, which none is, where Python can't hold it."""
    per = PER.get(kind.unit)
    if kind.type != TIME:
        numbers = found.astype(np.int64)
        limit = LAST // per if per else LAST * 1000
        inside = (numbers <= limit) & (numbers >= -limit)
        dates = np.where(inside, numbers, 0).view(f"datetime64[{kind.unit}]")
        unit = "D" if kind.type == DATE else "us"
        known = dates.astype(f"datetime64[{unit}]").tolist()
        for number, date, one in zip(numbers.tolist(), known, inside.tolist(), strict=True):
            yield date if one else number
        return
    for number in found.tolist():
        micro = number * per if per else number // 1000
        whole = 0 <= micro < PER["D"]
        yield (datetime.datetime.min + datetime.timedelta(0, 0, micro)).time() if whole else number
