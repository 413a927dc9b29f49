"""Text in the buffers of an Arrow batch: one after the other, or where their views say."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.rows.column import Texts, blanked
from serving.rows.flatbuffer import Damaged

Places: TypeAlias = NDArray[np.int64]
Valid: TypeAlias = NDArray[np.bool_] | None  # which are no nulls; none is one where it is left out

UTF8, LARGE_UTF8, UTF8_VIEW = 5, 20, 24
TEXTS = {UTF8, LARGE_UTF8, UTF8_VIEW}
INLINE = 12  # bytes of a text that lie in its view itself
VIEW = 16  # bytes of a view
LENGTH, WHICH, WHERE = 0, 2, 3  # of the four numbers of a view: its text begins at the second
# Characters that a stream may repeat: many rows can name one long text, which then is in each.
MOST_TEXT = 10_000_000
# Rows and bytes of a text within which texts are told apart as numbers: sooner than one by one.
MANY, LONGEST = 100, 64
WORD = 8  # bytes of such a number
# Of a number, the bytes that are of the text, by how many are left of it: less than none, too.
MASKS = np.array(
    [256 ** min(max(left, 0), WORD) - 1 for left in range(-LONGEST, LONGEST + 1)], "<u8"
)
HALF = np.uint64(256**4 - 1)
MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that nothing is lost: 2**64 by the golden ratio


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


def array(held: memoryview, form: str, count: int) -> NDArray[Any]:
    if not form or len(held) < count * np.dtype(form).itemsize:
        raise Damaged
    return np.frombuffer(held, form, count)


def texts(
    offsets: memoryview, held: memoryview, form: str, rows: int, valid: Valid
) -> list[Any] | Texts:
    """Texts that lie one after the other."""
    if rows == 0:
        return []
    ends = array(offsets, form, rows + 1).astype(np.int64)
    lengths = np.diff(ends)
    if ends[0] < 0 or ends[-1] > len(held) or lengths.min() < 0:
        raise Damaged
    return read(bytes(held), ends[:-1], lengths, valid)


def viewed(
    views: memoryview, more: list[memoryview], rows: int, valid: Valid, repeated: Text
) -> list[Any] | Texts:
    """Texts of which the short lie in their view, the others where it points."""
    words = array(views, "<u8", rows * VIEW // WORD).reshape(-1, VIEW // WORD)
    if rows >= MANY and (found := inline(views, words, valid)) is not None:
        return found
    numbers = words.view("<i4").astype(np.int64)
    if valid is not None:
        numbers[~valid] = 0
    lengths, which, where = numbers[:, LENGTH], numbers[:, WHICH], numbers[:, WHERE]
    if lengths.min(initial=0) < 0:
        raise Damaged
    starts = VIEW * np.arange(rows) + 4
    long = lengths > INLINE
    if not long.any():
        return read(bytes(views), starts, lengths, valid)
    repeated.take(int(lengths[long].sum()))
    if (long & ((which < 0) | (which >= len(more)) | (where < 0))).any():
        raise Damaged
    which = np.where(long, which, 0)
    sizes = np.array([*map(len, more)])
    if (long & (where + lengths > sizes[which])).any():
        raise Damaged
    # What is short lies in the views, as if these were one buffer more.
    begins = sizes.cumsum() - sizes
    starts = np.where(long, where + begins[which], starts + sizes.sum())
    return read(b"".join([*more, *([] if long.all() else [views])]), starts, lengths, valid)


def read(held: bytes, starts: Places, lengths: Places, valid: Valid) -> list[Any] | Texts:
    """The texts that begin at these places; each that comes again is read once."""
    if len(starts) >= MANY and lengths.max() <= LONGEST:
        found = coded(held, starts, lengths, valid)
        if found is not None:
            return found
    return blanked(spans(held, starts, lengths), valid)


def inline(views: memoryview, words: NDArray[np.uint64], valid: Valid) -> Texts | None:
    """The different texts of views that hold all of theirs; None where some lie elsewhere."""
    first, second = words[:, 0], words[:, 1]
    if valid is not None:
        first, second = np.where(valid, first, 0), np.where(valid, second, 0)
    lengths = (first & HALF).astype(np.int64)
    if lengths.max() > INLINE:
        return None
    # The length and four bytes of the text, and the others; what stands behind it is no part of it.
    first = first & MASKS[lengths + (LONGEST + 4)]
    second = second & MASKS[lengths + (LONGEST - 4)]
    if valid is not None:
        first = np.where(valid, first, ~np.uint64(0))
    parts = [first, second] if second.any() else [first]
    return apart(bytes(views), VIEW * np.arange(len(words)) + 4, lengths, valid, parts)


def coded(held: bytes, starts: Places, lengths: Places, valid: Valid) -> Texts | None:
    """The different texts of a buffer."""
    sizes = lengths if valid is None else np.where(valid, lengths, -1)
    # Eight bytes from any place, as one number.
    words = np.ndarray(len(held) + LONGEST, "<u8", held + bytes(LONGEST + WORD), strides=(1,))
    parts = [sizes.astype(np.uint64)]
    for begin in range(0, int(sizes.max()), WORD):
        parts.append(words[starts + begin] & MASKS[sizes + (LONGEST - begin)])
    return apart(held, starts, lengths, valid, parts)


def apart(
    held: bytes, starts: Places, lengths: Places, valid: Valid, parts: list[NDArray[np.uint64]]
) -> Texts | None:
    """Texts told apart by a number that is made of their parts; None where two have the same."""
    numbers, *others = parts
    for part in others:
        numbers = (numbers * MIX) ^ part
    _, first, places = np.unique(numbers, return_index=True, return_inverse=True)
    alone = len(first) == len(numbers) or not others
    if not alone and any((part != part[first][places]).any() for part in parts):
        return None
    nulls = 0 if valid is None else len(valid) - int(np.count_nonzero(valid))

    def known() -> list[Any]:
        found = spans(held, starts[first], lengths[first])
        return blanked(found, None if valid is None else valid[first])

    texts = Texts(known, places, len(first), nulls)
    if not held.isascii():
        texts.values  # noqa: B018  to see that it is text
    return texts


def spans(held: bytes, starts: Places, lengths: Places) -> list[str]:
    places = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
    if held.isascii():
        whole = held.decode()
        return [whole[a:b] for a, b in places]
    try:
        return [held[a:b].decode() for a, b in places]
    except UnicodeDecodeError:
        raise Damaged from None
