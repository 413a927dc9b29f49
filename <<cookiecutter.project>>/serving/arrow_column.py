"""The values of a column of an Arrow batch, as Python has them; null for NaN.

https://arrow.apache.org/docs/format/Columnar.html says how each type lies in its buffers, and
https://github.com/apache/arrow/tree/main/format how the schema names it.
"""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.faults import shown
from serving.flatbuffer import Damaged, Table, unpack

NULL, INT, FLOAT, UTF8, BOOL, DATE, TIME, TIMESTAMP = 1, 2, 3, 5, 6, 8, 9, 10
LARGE_UTF8, UTF8_VIEW = 20, 24
TEXTS = {UTF8, LARGE_UTF8, UTF8_VIEW}
WIDTHS = {8: 1, 16: 2, 32: 4, 64: 8}  # bits, and bytes as numpy names them
UNITS = ("s", "ms", "us", "ns")
INLINE = 12  # bytes of a text that lie in its view itself
VIEW = 16  # bytes of a view
# Characters that a stream may repeat: many rows can name one long text, which then is in each.
MOST_TEXT = 10_000_000
# The last microsecond of Python's calendar; numpy turns larger ones into others, without a word.
LAST = 253_402_300_799_999_999
PER = {"s": 10**6, "ms": 10**3, "us": 1, "D": 86_400 * 10**6}


class Unread(Exception):
    """A column that this reader does not know."""

    def __init__(self, column: str | None, rule: str) -> None:
        super().__init__(rule)
        self.column, self.rule = column, rule


@dataclass
class Text:
    """What a stream may still repeat."""

    left: int = MOST_TEXT

    def take(self, characters: int) -> None:
        self.left -= max(0, characters)
        if self.left < 0:
            raise Unread(None, "too much text is repeated: send the rows in several requests")


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

    def __init__(self, header: Table, held: bytes, text: "Text") -> None:
        if header.table(3) is not None:
            raise Unread(None, "compressed buffers are not read: write the stream uncompressed")
        self.held = held
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

    def buffer(self) -> bytes:
        start, length = next(self.buffers, (-1, 0))
        if start < 0 or length < 0 or start + length > len(self.held):
            raise Damaged
        return self.held[start : start + length]


def pairs(header: Table, field: int) -> list[tuple[int, int]]:
    return [
        (unpack("<q", header.held, place), unpack("<q", header.held, place + 8))
        for place in header.vector(field, 16)
    ]


def values(kind: Kind, batch: Batch, dictionaries: Mapping[int, list[Any]]) -> list[Any]:
    """The next column of a batch."""
    rows = batch.rows()
    if kind.type == NULL:
        return [None] * rows
    valid = validity(batch.buffer(), rows)
    if kind.dictionary is not None:
        known = dictionaries.get(kind.dictionary)
        numbers = array(batch.buffer(), kind.index, rows)
        if known is None or (valid & ((numbers < 0) | (numbers >= len(known)))).any():
            raise Damaged
        named = [known[n] if v else None for n, v in zip(numbers.tolist(), valid, strict=True)]
        batch.text.take(sum(len(value) for value in named if value is not None))
        return named
    held: list[Any]
    if kind.type == BOOL:
        held = bits(batch.buffer(), rows).tolist()
    elif kind.type in (UTF8, LARGE_UTF8):
        held = texts(batch.buffer(), batch.buffer(), kind.form, rows)
    elif kind.type == UTF8_VIEW:
        views = batch.buffer()
        more = next(batch.views, -1)
        if not 0 <= more <= len(batch.held):
            raise Damaged
        held = viewed(views, [batch.buffer() for _ in range(more)], valid, batch.text)
    else:
        found = array(batch.buffer(), kind.form, rows)
        if kind.type == FLOAT:
            valid &= ~np.isnan(found)
        held = list(times(kind, found)) if kind.unit else found.tolist()
    return [value if known else None for value, known in zip(held, valid, strict=True)]


def validity(held: bytes, rows: int) -> NDArray[np.bool_]:
    """Which values are no nulls; all where the buffer is left out."""
    return bits(held, rows) if held else np.ones(rows, np.bool_)


def bits(held: bytes, rows: int) -> NDArray[np.bool_]:
    found = np.unpackbits(np.frombuffer(held, np.uint8), bitorder="little")[:rows]
    if len(found) != rows:
        raise Damaged
    return found.astype(np.bool_)


def array(held: bytes, form: str, count: int) -> NDArray[Any]:
    if not form or len(held) < count * np.dtype(form).itemsize:
        raise Damaged
    return np.frombuffer(held, form, count)


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


def texts(offsets: bytes, held: bytes, form: str, rows: int) -> list[str]:
    if rows == 0:
        return []
    ends = array(offsets, form, rows + 1)
    if ends[0] < 0 or ends[-1] > len(held) or (np.diff(ends) < 0).any():
        raise Damaged
    places = ends.tolist()
    return [text(held[a:b]) for a, b in pairwise(places)]


def viewed(views: bytes, more: list[bytes], valid: NDArray[np.bool_], repeated: Text) -> list[str]:
    """Texts of which the short lie in their view, the others where it points."""
    if len(views) < VIEW * len(valid):
        raise Damaged
    found = []
    for place, known in enumerate(valid.tolist()):
        start = place * VIEW
        length = unpack("<i", views, start) if known else 0
        if 0 <= length <= INLINE:
            found.append(text(views[start + 4 : start + 4 + length]))
            continue
        repeated.take(length)
        which, where = unpack("<i", views, start + 8), unpack("<i", views, start + 12)
        if length < 0 or not 0 <= which < len(more) or not 0 <= where <= len(more[which]) - length:
            raise Damaged
        found.append(text(more[which][where : where + length]))
    return found


def text(held: bytes) -> str:
    try:
        return held.decode()
    except UnicodeDecodeError:
        raise Damaged from None
