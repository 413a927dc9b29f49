"""Predictions into the database, many by a statement: one at a time, each takes twice as long."""

from collections.abc import Sequence
from itertools import chain

import msgspec
import sqlalchemy as sa

from serving.record import About, Prediction

# What a process says of itself, and what a row has of its own, in the order of a `Prediction`.
COMMON = ("release", "environment", "deployment")
OWN = ("id", "at", "request", "seconds", "input", "prediction", "decision")
AT_ONCE = 100  # rows of a statement: while it runs, those who answer need not wait for this thread


def into_sqlite(rows: int) -> str:
    """The statement for so many rows: what they have in common comes once, then row by row.

    Given to the driver as it is: SQLAlchemy's own takes four times as long, for a dict of each row.
    """
    first = len(COMMON) + 1
    common = ", ".join(f"?{place}" for place in range(1, first))
    values = (
        f"({common}, {', '.join(f'?{place}' for place in range(start, start + len(OWN)))})"
        for start in range(first, first + rows * len(OWN), len(OWN))
    )
    columns = ", ".join(COMMON + OWN)
    into = f"INSERT INTO predictions ({columns}) VALUES "  # noqa: S608
    return f"{into}{', '.join(values)} ON CONFLICT DO NOTHING"


INTO_SQLITE = {rows: into_sqlite(rows) for rows in (1, AT_ONCE)}
# One parameter for all rows: a third of the time in this process.
INTO_POSTGRESQL = (
    f"INSERT INTO predictions ({', '.join(COMMON + OWN)}) "  # noqa: S608
    f"SELECT %s, %s, %s, {', '.join(OWN)} "
    "FROM json_populate_recordset(NULL::predictions, %s::json) ON CONFLICT DO NOTHING"
)
Row = msgspec.defstruct("Row", OWN)
encode = msgspec.json.Encoder().encode


def predictions(connection: sa.Connection, about: About, rows: Sequence[Prediction]) -> None:
    """Insert these; what is there already stays as it is."""
    common = (about.release, about.environment, about.number)
    if connection.dialect.name == "postgresql":
        said = encode([Row(*row) for row in rows]).decode()
        connection.exec_driver_sql(INTO_POSTGRESQL, (*common, said))
        return
    whole = len(rows) // AT_ONCE * AT_ONCE
    for size, part in ((AT_ONCE, rows[:whole]), (1, rows[whole:])):
        given = [
            (*common, *chain.from_iterable(part[start : start + size]))
            for start in range(0, len(part), size)
        ]
        if given:
            connection.exec_driver_sql(INTO_SQLITE[size], given)
