"""Names of predictions: a process's own, and a number behind it."""

from collections.abc import Iterator, Sequence

from msgspec import Raw

# The last three digits of a number: a thousand ids share what stands before them, and so take a
# third of the time.
BLOCK = 1000
ENDS = tuple(f"{number:03}" for number in range(BLOCK))


class Ids:
    """Ids in a row. They are texts only to who looks at one; an answer says all of its at once."""

    __slots__ = ("count", "name", "start")

    def __init__(self, name: str, start: int, count: int) -> None:
        """`name` needs no escape in JSON; the first of the numbers is no less than a block."""
        self.name, self.start, self.count = name, start, count

    @property
    def first(self) -> str:
        return f"{self.name}{self.start}"

    def __iter__(self) -> Iterator[str]:
        for begin, ends in self.blocks(0, self.count):
            for end in ends:
                yield begin + end

    def blocks(self, start: int, end: int) -> Iterator[tuple[str, Sequence[str]]]:
        """What those from one place to another begin with, and how each of these ends."""
        number, last = self.start + start, self.start + end
        while number < last:
            block, place = divmod(number, BLOCK)
            ends = ENDS[place : place + last - number]
            yield f"{self.name}{block}", ends
            number += len(ends)

    def said(self, start: int, end: int) -> list[str] | Raw:
        """Those from one place to another, for who writes JSON."""
        if end - start == 1:
            return [f"{self.name}{self.start + start}"]
        between = '","'
        said = (begin + (between + begin).join(ends) for begin, ends in self.blocks(start, end))
        return Raw(f'["{between.join(said)}"]'.encode())
