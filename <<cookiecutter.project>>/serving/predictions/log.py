"""What the service answered, kept for later: predictions, and the labels that people send."""

import secrets
import threading
from collections.abc import Sequence
from pathlib import Path

from pipeline.stage import StageError
from serving.predictions.drain import Drain
from serving.predictions.ids import Ids
from serving.predictions.record import (
    FIRST,
    ID,
    LABELS,
    NAME,
    PREDICTIONS,
    About,
    Answered,
    Label,
    after,
    encode,
    halves,
)
from serving.predictions.spool import FIRST_SPARES, Spool
from serving.settings import LogSettings

__all__ = ["ID", "About", "Answered", "Label", "Log", "LogSettings"]

SCHEMES = ("sqlite:///", "postgresql+psycopg://", "postgresql://")
LABELS_AT_ONCE = 1000  # in one record, of about 60 KB


class Log:
    """Predictions and labels, written behind: to a spool at once, to the database later."""

    keeps = True  # one that keeps nothing says no

    def __init__(self, url: str, folder: Path, settings: LogSettings, about: About) -> None:
        """`url` is a database, SQLite's or PostgreSQL's; `folder` is this state folder's spool.

        Raises:
            StageError: the URL is of no such database, or the folder can't be written.
        """
        if not url.startswith(SCHEMES):  # not quoted: it may hold a password
            raise StageError(f"PREDICTION_LOG_URL: must begin with {' or '.join(SCHEMES[:2])}")
        self.name = secrets.token_hex(NAME // 2)
        self.spool = Spool(folder, settings.spool_mb * 1024**2, self.name, encode(about))
        self.drain = Drain(self.spool, url, about, settings.flush_seconds, settings.retention_days)
        self.spool.prepare(FIRST_SPARES)
        self.lock = threading.Lock()
        self.taken = FIRST

    @property
    def dropped(self) -> int:
        """Predictions and labels that were not kept, of this process."""
        return self.spool.dropped

    @property
    def waiting(self) -> int:
        """Predictions and labels that are in the spool and not in the database yet."""
        return self.spool.waiting

    def take(self, count: int) -> Ids:
        """Fresh ids, one for each row of a request."""
        with self.lock:
            first = self.taken
            self.taken = first + count
        return Ids(self.name, first, count)

    def append(self, at: float, ids_from: str, answered: Sequence[Answered]) -> None:
        """Keep the answers of some requests, in their order. Never waits, never raises.

        `ids_from` is the first of the ids that `take` gave for all their rows.
        """
        count = sum([len(answers) for _, _, answers, _ in answered])
        try:
            record = encode((at, ids_from, answered))
            if len(record) <= self.spool.largest or count == 1:
                self.spool.append(PREDICTIONS, record, count)
                return
        except Exception:  # an answer is not withheld for it
            if len(answered) == 1:
                self.spool.drop(count)
                return
        # One would fill more than a segment, or there is one that nobody can write.
        for part in halves(answered):
            self.append(at, ids_from, part)
            ids_from = after(ids_from, sum(len(answers) for _, _, answers, _ in part))

    def label(self, labels: Sequence[Label]) -> None:
        """Keep labels, in any order and any number of times. Never waits, never raises."""
        kept = [label for label in labels if ID.fullmatch(label.id)]
        if len(kept) < len(labels):
            self.spool.drop(len(labels) - len(kept))
        for start in range(0, len(kept), LABELS_AT_ONCE):
            part = kept[start : start + LABELS_AT_ONCE]
            try:
                self.spool.append(LABELS, encode(part), len(part))
            except Exception:
                self.spool.drop(len(part))

    def start(self) -> None:
        """Begin to write to the database, behind."""
        self.drain.start()

    def close(self, seconds: float) -> None:
        """Write what time allows; the rest stays in the spool, for the next process."""
        self.drain.close(seconds)
        self.spool.close()
