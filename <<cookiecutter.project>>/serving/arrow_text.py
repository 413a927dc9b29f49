"""Text in the buffers of an Arrow batch: one after the other, or where their views say."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.flatbuffer import Damaged

UTF8, LARGE_UTF8, UTF8_VIEW = 5, 20, 24
TEXTS = {UTF8, LARGE_UTF8, UTF8_VIEW}
INLINE = 12  # bytes of a text that lie in its view itself
VIEW = 16  # bytes of a view
LENGTH, WHICH, WHERE = 0, 2, 3  # of the four numbers of a view: its text begins at the second
# Characters that a stream may repeat: many rows can name one long text, which then is in each.
MOST_TEXT = 10_000_000


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


def texts(offsets: memoryview, held: memoryview, form: str, rows: int) -> list[str]:
    """Texts that lie one after the other."""
    if rows == 0:
        return []
    ends = array(offsets, form, rows + 1)
    if ends[0] < 0 or ends[-1] > len(held) or (np.diff(ends) < 0).any():
        raise Damaged
    whole, parts = readable(held[: int(ends[-1])]), pairwise(ends.tolist())
    if isinstance(whole, str):
        return [whole[a:b] for a, b in parts]
    return [text(whole[a:b]) for a, b in parts]


def viewed(
    views: memoryview,
    more: list[memoryview],
    rows: int,
    valid: NDArray[np.bool_] | None,
    repeated: Text,
) -> list[str]:
    """Texts of which the short lie in their view, the others where it points."""
    numbers = array(views, "<i4", rows * VIEW // 4).reshape(-1, 4)
    if valid is not None:
        numbers = np.where(valid[:, None], numbers, 0)
    lengths = numbers[:, LENGTH].astype(np.int64)
    if lengths.min(initial=0) < 0:
        raise Damaged
    long = lengths > INLINE
    if not long.any():
        return short(numbers)
    repeated.take(int(lengths[long].sum()))
    which, where = numbers[:, WHICH], numbers[:, WHERE]
    if (long & ((which < 0) | (which >= len(more)) | (where < 0))).any():
        raise Damaged
    wholes = [*map(readable, more)]
    if not long.all():  # what is short lies in the views, as if these were one buffer more
        which = np.where(long, which, len(more))
        where = np.where(long, where, VIEW * np.arange(rows) + 4)
        wholes.append(numbers.tobytes())
    ends = where + lengths
    if (ends > np.array([*map(len, wholes)])[which]).any():
        raise Damaged
    places = zip(which.tolist(), where.tolist(), ends.tolist(), strict=True)
    parts = [wholes[n][a:b] for n, a, b in places]
    if all(isinstance(whole, str) for whole in wholes):
        return parts
    return [part if isinstance(part, str) else text(part) for part in parts]


def short(numbers: NDArray[np.int32]) -> list[str]:
    """Texts that all lie in their views; each that comes again is read once."""
    held: list[bytes] = np.ascontiguousarray(numbers).view(f"V{VIEW}")[:, 0].tolist()
    known = {view: text(view[4 : 4 + view[0]]) for view in set(held)}
    return list(map(known.__getitem__, held))


def readable(held: memoryview) -> str | bytes:
    """All of a buffer as text, where each of its bytes is a character."""
    found = bytes(held)
    return found.decode() if found.isascii() else found


def text(held: bytes) -> str:
    try:
        return held.decode()
    except UnicodeDecodeError:
        raise Damaged from None
