"""What the service answered, kept for later: predictions and the labels that people send for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class LogSettings:
    """The block `[log]` of an environment's file."""

    flush_seconds: float  # between two writes to the database
    spool_mb: int  # of disk for what is not in the database yet
    retention_days: int  # after which rows are deleted


@dataclass(frozen=True)
class About:
    """What all predictions of a process have in common."""

    release: str  # the tree
    environment: str
    number: int  # of the deployment
    threshold: float | None = None  # a prediction of at least so much is a yes; None: nothing decided


class Label(NamedTuple):
    """What turned out to be true."""

    id: str  # of the prediction, as `take` gave it
    label: float
    at: float  # seconds since 1970; of several labels for an id, the newest holds


class Log:
    """Predictions and labels, written behind: to a spool at once, to the database later."""

    def __init__(self, url: str, folder: Path, settings: LogSettings, about: About) -> None:
        """`url` is a database, SQLite's or PostgreSQL's; `folder` is this state folder's spool.

        Raises:
            StageError: the URL is of no such database, or the folder can't be written.
        """
        raise NotImplementedError

    @property
    def dropped(self) -> int:
        """Predictions and labels that were not kept, of this process."""
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        """Predictions and labels that are in the spool and not in the database yet."""
        raise NotImplementedError

    def take(self, count: int) -> list[str]:
        """Fresh ids, one for each row of a request."""
        raise NotImplementedError

    def append(
        self,
        at: float,
        request: str,
        ids_from: str,
        rows_json: bytes,
        answers: Sequence[float],
        seconds: float,
    ) -> None:
        """Keep the answers of one request, in the order of its rows. Never waits, never raises.

        `ids_from` is the first of the ids that `take` gave for it, `rows_json` an array of objects.
        """
        raise NotImplementedError

    def label(self, labels: Sequence[Label]) -> None:
        """Keep labels, in any order and any number of times. Never waits, never raises."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin to write to the database, in a thread of its own."""
        raise NotImplementedError

    def close(self, seconds: float) -> None:
        """Write what time allows; the rest stays in the spool, for the next process."""
        raise NotImplementedError
