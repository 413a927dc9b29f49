"""The database of predictions: its tables, how it is reached, and PostgreSQL as it is written.

SQLite is written by lite.py, and read as all others.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as into

from pipeline.stage import StageError
from serving.predictions import insert
from serving.predictions.insert import CONNECT_SECONDS, SCHEMA
from serving.predictions.record import About, Label, Prediction

STATEMENT_SECONDS = 10  # a thousand times what a batch takes; then it is tried again
SILENCE_SECONDS = 15  # without a sign of the other side, the connection is given up

METADATA = sa.MetaData()
META = sa.Table(
    "meta",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
PREDICTIONS = sa.Table(
    "predictions",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", sa.Double, nullable=False, index=True),  # seconds since 1970
    sa.Column("release", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("deployment", sa.Integer, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("input", sa.Text, nullable=False),  # JSON
    sa.Column("prediction", sa.Double),
    sa.Column("decision", sa.Boolean),
)
LABELS = sa.Table(
    "labels",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("label", sa.Double, nullable=False),
    sa.Column("at", sa.Double, nullable=False, index=True),
)
DROPPED = sa.Table(
    "dropped",
    METADATA,
    sa.Column("process", sa.Text, primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
)


def address(url: str) -> sa.URL:
    """The database of a URL.

    Raises:
        StageError: it is of none that can be used; the message does not quote it, for passwords.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StageError("PREDICTION_LOG_URL: not the URL of a database") from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite") and parsed.database:
        return parsed
    raise StageError(
        "PREDICTION_LOG_URL: must begin with postgresql+psycopg:// or sqlite:///, and name a file"
    )


def connect(url: str) -> sa.Engine:
    """An engine with a limit to all waiting; it opens no connection yet.

    Raises:
        StageError: the URL can't be used.
    """
    parsed = address(url)
    if parsed.get_backend_name() == "sqlite":
        return sa.create_engine(parsed, connect_args={"timeout": CONNECT_SECONDS})
    return sa.create_engine(
        parsed,
        pool_size=1,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c statement_timeout={STATEMENT_SECONDS * 1000}",
            "tcp_user_timeout": SILENCE_SECONDS * 1000,
            "keepalives_idle": SILENCE_SECONDS // 3,
            "keepalives_interval": SILENCE_SECONDS // 3,
            "keepalives_count": 2,
            "prepare_threshold": None,  # a pooler in between may know no prepared statements
        },
    )


def check(connection: sa.Connection) -> None:
    """Refuse tables of another kind.

    Raises:
        StageError: a newer release made them.
    """
    insert.check(connection.scalar(sa.select(META.c.value).where(META.c.key == "schema")))


class Store:
    """PostgreSQL. One connection, kept; opened when it is needed, and anew after an error."""

    def __init__(self, url: str) -> None:
        self.engine = connect(url)
        self.connection: sa.Connection | None = None

    def open(self) -> sa.Connection:
        if self.connection is None:
            connection = self.engine.connect()
            try:
                with connection.begin():
                    METADATA.create_all(connection)
                    known = into(META).on_conflict_do_nothing()
                    connection.execute(known, {"key": "schema", "value": str(SCHEMA)})
                    check(connection)
            except BaseException:
                connection.close()
                raise
            self.connection = connection
        return self.connection

    def write(
        self, about: About, predictions: Sequence[Prediction], labels: Iterable[Label] = ()
    ) -> None:
        """All or nothing; what is there already, or newer there, stays."""
        connection = self.open()
        with connection.begin():
            if predictions:
                connection.exec_driver_sql(*insert.into_postgresql(about, predictions))
            if newest := insert.newest_of(labels):
                connection.execute(self.newer_label(), newest)

    def write_dropped(self, dropped: Mapping[str, int]) -> None:
        """How many rows each process has dropped; a count never falls."""
        counts = [{"process": name, "rows": count} for name, count in dropped.items()]
        connection = self.open()
        with connection.begin():
            connection.execute(self.larger_count(), counts)

    def newer_label(self) -> Any:
        statement = into(LABELS)
        new, old = statement.excluded, LABELS.c
        # Of two at one instant the larger holds, so that their order never matters.
        newer = sa.or_(new.at > old.at, sa.and_(new.at == old.at, new.label > old.label))
        return statement.on_conflict_do_update(
            index_elements=["id"], set_={"label": new.label, "at": new.at}, where=newer
        )

    def larger_count(self) -> Any:
        statement = into(DROPPED)
        return statement.on_conflict_do_update(
            index_elements=["process"],
            set_={"rows": statement.excluded.rows},
            where=statement.excluded.rows > DROPPED.c.rows,
        )

    def expire(self, before: float, most: int) -> int:
        """Delete that many rows of each table which are older; how many there were."""
        connection = self.open()
        deleted = 0
        for table in (PREDICTIONS, LABELS):
            with connection.begin():
                # Two processes that expire at once take different rows.
                old = sa.select(table.c.id).where(table.c.at < before).order_by(table.c.at)
                batch = old.limit(most).with_for_update(skip_locked=True)
                found = connection.execute(table.delete().where(table.c.id.in_(batch)))
                deleted += found.rowcount
        return deleted

    def close(self) -> None:
        """Also after an error: the next use connects anew."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
        self.engine.dispose()


def reason(error: Exception) -> str:
    """Why the database is not to be had: no value of a row, and no password."""
    if isinstance(error, StageError):
        return str(error)
    origin = getattr(error, "orig", None) or error
    if isinstance(error, sa.exc.OperationalError):
        line = str(origin).partition("\n")[0]
        return f"{type(origin).__name__}: {line}"
    # The texts of other errors quote what was written.
    return f"{type(origin).__name__} {getattr(origin, 'sqlstate', None) or ''}".rstrip()
