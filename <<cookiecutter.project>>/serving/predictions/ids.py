"""Names of predictions: a process's own, and a number behind it."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

# The last three digits of a number: a thousand ids share what stands before them, and so take a
# third of the time.
BLOCK = 1000
ENDS = tuple(f"{number:03}" for number in range(BLOCK))


class Ids(Sequence[str]):
    """Ids in a row. They are texts only to who looks at one; an answer says all of them at once."""

    __slots__ = ("name", "numbers")

    def __init__(self, name: str, numbers: range) -> None:
        """`name` needs no escape in JSON; the first of the numbers is no less than a block."""
        self.name, self.numbers = name, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Ids": ...
    def __getitem__(self, place: Any) -> Any:
        found = self.numbers[place]
        return Ids(self.name, found) if isinstance(found, range) else f"{self.name}{found}"

    def __iter__(self) -> Iterator[str]:
        for begin, ends in self.blocks():
            for end in ends:
                yield begin + end

    def blocks(self) -> Iterator[tuple[str, Sequence[str]]]:
        """What some of them begin with, and how each of these ends."""
        first, last = self.numbers.start, self.numbers.stop
        while first < last:
            block, place = divmod(first, BLOCK)
            ends = ENDS[place : place + last - first]
            yield f"{self.name}{block}", ends
            first += len(ends)

    def json(self) -> bytes:
        """A list of them."""
        if len(self.numbers) == 1:
            return f'["{self.name}{self.numbers.start}"]'.encode()
        between = '","'
        said = (begin + (between + begin).join(ends) for begin, ends in self.blocks())
        return f'["{between.join(said)}"]'.encode()
