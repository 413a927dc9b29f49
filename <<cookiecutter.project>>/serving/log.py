"""What the service answered, kept for later: predictions, and the labels that people send."""

import secrets
import threading
from collections.abc import Sequence
from pathlib import Path

from msgspec import Raw

from pipeline.stage import StageError
from serving.drain import Drain
from serving.record import FIRST, ID, LABELS, NAME, PREDICTIONS, About, Label, encode, ids, split
from serving.settings import LogSettings
from serving.spool import Spool

__all__ = ["ID", "About", "Label", "Log", "LogSettings"]

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
        self.spool.prepare()
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

    def take(self, count: int) -> list[str]:
        """Fresh ids, one for each row of a request."""
        with self.lock:
            first = self.taken
            self.taken = first + count
        if count == 1:
            return [f"{self.name}{first}"]
        return [f"{self.name}{number}" for number in range(first, first + count)]

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
        count = len(answers)
        try:
            # Raw bytes are copied, not read.
            record = encode((at, request, ids_from, seconds, answers, Raw(rows_json)))
            if len(record) > self.spool.largest and count > 1:
                self.append_halves(at, request, ids_from, rows_json, answers, seconds)
            else:
                self.spool.append(PREDICTIONS, record, count)
        except Exception:  # an answer is not withheld for it
            self.spool.drop(count)

    def append_halves(
        self,
        at: float,
        request: str,
        ids_from: str,
        rows_json: bytes,
        answers: Sequence[float],
        seconds: float,
    ) -> None:
        """As two records: one would fill more than a segment."""
        rows, half = split(rows_json), len(answers) // 2
        self.append(at, request, ids_from, encode(rows[:half]), answers[:half], seconds)
        rest = ids(ids_from, half + 1)[-1]
        self.append(at, request, rest, encode(rows[half:]), answers[half:], seconds)

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
