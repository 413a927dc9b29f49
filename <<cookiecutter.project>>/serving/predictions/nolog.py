"""A prediction log that keeps nothing: of a service that was given no place to keep it in."""

import secrets
from collections.abc import Sequence

from serving.predictions.ids import Ids
from serving.predictions.log import Answered, Label
from serving.predictions.record import FIRST


class NoLog:
    """As `Log`; every prediction has an id all the same, so clients see no difference."""

    keeps = False
    dropped = 0
    waiting = 0

    def __init__(self) -> None:
        self.name = secrets.token_hex(6)
        self.taken = FIRST

    def take(self, count: int) -> Ids:
        first = self.taken
        self.taken = first + count
        return Ids(self.name, first, count)

    def append(self, at: float, ids_from: str, answered: Sequence[Answered]) -> None:
        """Forget them."""

    def label(self, labels: Sequence[Label]) -> None:
        """Forget them."""

    def start(self) -> None:
        """Nothing is written."""

    def close(self, seconds: float) -> None:
        """Nothing is left."""
