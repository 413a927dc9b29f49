"""The database of predictions as a file of this machine: SQLite, by Python's own driver.

By SQLAlchemy, as PostgreSQL is written, it would take 15 MiB of memory more.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from pipeline.stage import StageError
from serving.predictions import insert
from serving.predictions.insert import CONNECT_SECONDS, SCHEMA
from serving.predictions.record import About, Label, Prediction

PREFIX = "sqlite:///"
# As store.py describes them to SQLAlchemy, which reads them.
TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS predictions (
    id TEXT NOT NULL PRIMARY KEY,
    at DOUBLE NOT NULL,
    release TEXT NOT NULL,
    environment TEXT NOT NULL,
    deployment INTEGER NOT NULL,
    request TEXT NOT NULL,
    seconds DOUBLE NOT NULL,
    input TEXT NOT NULL,
    prediction DOUBLE,
    decision BOOLEAN
);
CREATE INDEX IF NOT EXISTS ix_predictions_at ON predictions (at);
CREATE TABLE IF NOT EXISTS labels (
    id TEXT NOT NULL PRIMARY KEY, label DOUBLE NOT NULL, at DOUBLE NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_labels_at ON labels (at);
CREATE TABLE IF NOT EXISTS dropped (process TEXT NOT NULL PRIMARY KEY, rows BIGINT NOT NULL);
"""
# Of two at one instant the larger holds, so that their order never matters.
LABEL = (
    "INSERT INTO labels (id, label, at) VALUES (:id, :label, :at) "
    "ON CONFLICT (id) DO UPDATE SET label = excluded.label, at = excluded.at "
    "WHERE (excluded.at, excluded.label) > (labels.at, labels.label)"
)
DROPPED = (
    "INSERT INTO dropped (process, rows) VALUES (?, ?) ON CONFLICT (process) "
    "DO UPDATE SET rows = excluded.rows WHERE excluded.rows > dropped.rows"
)
EXPIRE = tuple(
    f"DELETE FROM {table} WHERE id IN "  # noqa: S608
    f"(SELECT id FROM {table} WHERE at < ? ORDER BY at LIMIT ?)"
    for table in ("predictions", "labels")
)


class Store:
    """One connection, kept; opened when it is needed, and anew after an error."""

    def __init__(self, url: str) -> None:
        """`url` names a file, with no options.

        Raises:
            StageError: it doesn't; the message does not quote it.
        """
        self.path = url.removeprefix(PREFIX)
        if not url.startswith(PREFIX) or not self.path or "?" in self.path:
            raise StageError(f"PREDICTION_LOG_URL: must be {PREFIX} and the path of a file")
        self.connection: sqlite3.Connection | None = None

    def open(self) -> sqlite3.Connection:
        if self.connection is None:
            connection = sqlite3.connect(
                self.path, timeout=CONNECT_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                prepare(connection)
            except BaseException:
                connection.close()
                raise
            self.connection = connection
        return self.connection

    def write(
        self, about: About, predictions: Sequence[Prediction], labels: Iterable[Label] = ()
    ) -> None:
        """All or nothing; what is there already, or newer there, stays."""
        with changing(self.open()) as connection:
            for statement, values in insert.into_sqlite(about, predictions):
                connection.executemany(statement, values)
            connection.executemany(LABEL, insert.newest_of(labels))

    def write_dropped(self, dropped: Mapping[str, int]) -> None:
        """How many rows each process has dropped; a count never falls."""
        with changing(self.open()) as connection:
            connection.executemany(DROPPED, dropped.items())

    def expire(self, before: float, most: int) -> int:
        """Delete that many rows of each table which are older; how many there were."""
        deleted = 0
        for statement in EXPIRE:
            with changing(self.open()) as connection, closing(connection.cursor()) as cursor:
                deleted += cursor.execute(statement, (before, most)).rowcount
        return deleted

    def close(self) -> None:
        """Also after an error: the next use connects anew."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


def prepare(connection: sqlite3.Connection) -> None:
    """Readers and the writer don't wait for each other, and a commit not for the disk.

    After a power cut the last commits may be missing, as may what the spool held.

    Raises:
        StageError: a newer release made the tables.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    with changing(connection):
        for statement in TABLES.split(";"):
            connection.execute(statement)
        known = "INSERT INTO meta (key, value) VALUES ('schema', ?) ON CONFLICT DO NOTHING"
        connection.execute(known, (str(SCHEMA),))
        found = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        insert.check(found[0])


@contextmanager
def changing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A transaction: all of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def reason(error: Exception) -> str:
    """Why the database is not to be had: no value of a row."""
    if isinstance(error, StageError):
        return str(error)
    name = type(error).__name__
    # The texts of other errors quote what was written.
    return f"{name}: {error}" if isinstance(error, sqlite3.OperationalError) else name
