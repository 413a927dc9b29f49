"""Prediction logs for tests, and processes that append to one until they are killed."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from msgspec import Raw

from serving.predictions import lite
from serving.predictions import store as postgresql
from serving.predictions.drain import store_of
from serving.predictions.log import About, Log
from serving.predictions.store import DROPPED, LABELS, PREDICTIONS, connect
from serving.settings import LogSettings
from tests.projects import ROOT

Store = lite.Store | postgresql.Store
SECONDS = 60  # until something must have happened; it mostly takes a tenth of one
FLUSH = 0.02  # seconds: a test need not wait for more
ABOUT = About("a" * 40, "dev", 7, 0.5)
ROW = b'{"month":12,"carrier":"UA","seats":null}'
SAID = Raw(ROW)  # as the log encodes a row


def instant() -> None:
    """Let a random time pass, so that what follows comes at any instant."""
    time.sleep(random.uniform(0, 0.3))  # noqa: S311


def until(holds: Callable[[], object]) -> None:
    """Wait until it holds; a failure after a long time."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.01)


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/predictions.db"


def log_of(url: str, folder: Path, spool_mb: int = 4, days: int = 30, about: About = ABOUT) -> Log:
    return Log(url, folder / "spool", LogSettings(FLUSH, spool_mb, days), about)


def answer(
    log: Log, count: int = 1, prediction: float = 0.25, at: float | None = None
) -> list[str]:
    """Append a request of so many rows; their ids."""
    ids = list(log.take(count))
    answered = ("r-1", 0.001, [prediction] * count, [SAID] * count)
    log.append(time.time() if at is None else at, ids[0], [answered])
    return ids


def store(url: str) -> Store:
    """What writes this database."""
    found: Store = store_of(url).Store(url)
    return found


def recover(url: str, folder: Path) -> None:
    """What a service does that starts after others have died: write all that they left."""
    log = log_of(url, folder)
    log.start()
    until(lambda: idle(log))
    log.close(SECONDS)


def idle(log: Log) -> bool:
    owners = list(log.spool.folder.glob("*.owner"))
    return log.waiting == 0 and all(path.stem == log.name for path in owners)


def stored(url: str) -> set[str]:
    """The ids of all predictions that are in the database."""
    return {row["id"] for row in table(url, PREDICTIONS)}


def dropped(url: str) -> int:
    return sum(row["rows"] for row in table(url, DROPPED))


def labels(url: str) -> dict[str, float]:
    return {row["id"]: row["label"] for row in table(url, LABELS)}


def table(url: str, which: sa.Table) -> list[dict[str, Any]]:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.select(which)).mappings()]
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):
        return []  # no table yet
    finally:
        engine.dispose()


APPENDER = """
import os, sys, time
from pathlib import Path
from tests.serving.logs import answer, log_of

url, folder, spool_mb, told = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
pause = float(sys.argv[5])
log = log_of(url, folder, spool_mb)
log.start()
turn = 0
while True:
    turn += 1
    # Told only when it is kept, as a service answers.
    ids = answer(log, 1 + turn % 40)
    os.write(told, (" ".join(ids) + chr(10)).encode())
    time.sleep(pause)
"""


@contextmanager
def appender(
    url: str, folder: Path, told: Path, spool_mb: int = 64, pause: float = 0.005
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers request after request, and writes to a file which ids it told."""
    descriptor = os.open(told, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    process = subprocess.Popen(
        [sys.executable, "-c", APPENDER, url, folder, str(spool_mb), str(descriptor), str(pause)],
        cwd=ROOT,
        pass_fds=[descriptor],
    )
    os.close(descriptor)
    try:
        yield process
    finally:
        process.kill()
        process.wait(SECONDS)


def told_ids(told: Path) -> set[str]:
    """Those that were told in full; a killed process may leave half a line."""
    whole, _, _ = told.read_text().rpartition("\n")
    return set(whole.split())
