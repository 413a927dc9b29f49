"""What a client is told when its request can't be answered: every fault, and no value of a row."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Error:
    """One rule that one field breaks, in one row or in many."""

    field: str | None  # none where the request as a whole is wrong
    rule: str
    count: int = 1
    rows: tuple[int, ...] = ()  # the first positions, from 0

    def __str__(self) -> str:
        named = ", ".join(map(str, self.rows)) + (", …" if self.count > len(self.rows) else "")
        where = f": {self.count} rows ({named})" if self.rows else ""
        return f"{self.field}: {self.rule}{where}" if self.field else f"{self.rule}{where}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "rule": self.rule,
            "count": self.count,
            "rows": list(self.rows),
        }


class Refusal(Exception):
    """A request that gets no prediction."""

    def __init__(self, status: int, errors: list[Error], retry: int | None = None) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.status = status
        self.errors = errors
        self.retry = retry  # seconds after which the client may ask again

    def as_dict(self) -> dict[str, Any]:
        return {"errors": [error.as_dict() for error in self.errors]}


def refusal(status: int, rule: str, retry: int | None = None) -> Refusal:
    """A refusal of the request as a whole, for one reason."""
    return Refusal(status, [Error(None, rule)], retry)
