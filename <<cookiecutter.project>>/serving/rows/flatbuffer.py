"""A table of a flatbuffer, every step of which stays inside its bytes.

https://flatbuffers.dev/internals: a table begins with the way back to its vtable, which says
where in the table each field lies; 0 is a field that is not there.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass


class Damaged(Exception):
    """The bytes are no flatbuffer."""


@dataclass(frozen=True)
class Table:
    held: bytes
    place: int

    def number(self, field: int, form: str, default: int = 0) -> int:
        """A number in the field itself; `form` as struct has it."""
        place = self.field(field)
        return unpack(form, self.held, place) if place else default

    def table(self, field: int) -> "Table | None":
        place = self.field(field)
        return Table(self.held, follow(self.held, place)) if place else None

    def text(self, field: int) -> str:
        """A string; empty where there is none."""
        place = self.field(field)
        if not place:
            return ""
        start = follow(self.held, place)
        length = unpack("<I", self.held, start)
        if start + 4 + length > len(self.held):
            raise Damaged
        try:
            return self.held[start + 4 : start + 4 + length].decode()
        except UnicodeDecodeError:
            raise Damaged from None

    def tables(self, field: int) -> Iterator["Table"]:
        """The tables of a vector."""
        for place in self.vector(field, 4):
            yield Table(self.held, follow(self.held, place))

    def vector(self, field: int, size: int) -> range:
        """The places of a vector's elements."""
        place = self.field(field)
        if not place:
            return range(0)
        start = follow(self.held, place)
        length = unpack("<I", self.held, start)
        if start + 4 + length * size > len(self.held):
            raise Damaged
        return range(start + 4, start + 4 + length * size, size)

    def field(self, number: int) -> int:
        """Where a field lies; 0 where it does not."""
        vtable = self.place - unpack("<i", self.held, self.place)
        if vtable < 0:
            raise Damaged
        entry = 4 + 2 * number
        if entry + 2 > unpack("<H", self.held, vtable):
            return 0
        offset = unpack("<H", self.held, vtable + entry)
        return self.place + offset if offset else 0


def root(held: bytes) -> Table:
    return Table(held, follow(held, 0))


def follow(held: bytes, place: int) -> int:
    """Where an offset leads: always forward, so that no way goes in circles."""
    offset = unpack("<I", held, place)
    if not 0 < offset < len(held) - place:
        raise Damaged
    return place + offset


def unpack(form: str, held: bytes, place: int) -> int:
    if not 0 <= place <= len(held) - struct.calcsize(form):
        raise Damaged
    found: int = struct.unpack_from(form, held, place)[0]
    return found
