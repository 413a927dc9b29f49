"""What is put into the database, and how: many rows by a statement take half the time of each."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec

from pipeline.stage import StageError
from serving.predictions.record import About, Label, Prediction

SCHEMA = 1  # raised only where a former release could not go on writing
CONNECT_SECONDS = 5  # a database in reach answers in a fraction of one
# What a process says of itself, and what a row has of its own, in the order of a `Prediction`.
COMMON = ("release", "environment", "deployment")
OWN = ("id", "at", "request", "seconds", "input", "prediction", "decision")
AT_ONCE = 100  # rows of a statement: while it runs, those who answer need not wait for this thread


def check(found: str | None) -> None:
    """Refuse tables of another kind.

    Raises:
        StageError: a newer release made them.
    """
    if found is not None and int(found) > SCHEMA:
        raise StageError(
            f"the prediction log has schema {found}, and this release writes {SCHEMA}: "
            "a newer release made it; take that one, or another database"
        )


def statement(rows: int) -> str:
    """SQLite's for so many rows: what they have in common comes once, then row by row."""
    first = len(COMMON) + 1
    common = ", ".join(f"?{place}" for place in range(1, first))
    values = (
        f"({common}, {', '.join(f'?{place}' for place in range(start, start + len(OWN)))})"
        for start in range(first, first + rows * len(OWN), len(OWN))
    )
    columns = ", ".join(COMMON + OWN)
    into = f"INSERT INTO predictions ({columns}) VALUES "  # noqa: S608
    return f"{into}{', '.join(values)} ON CONFLICT DO NOTHING"


INTO_SQLITE = {rows: statement(rows) for rows in (1, AT_ONCE)}
# One parameter for all rows: a third of the time in this process.
INTO_POSTGRESQL = (
    f"INSERT INTO predictions ({', '.join(COMMON + OWN)}) "  # noqa: S608
    f"SELECT %s, %s, %s, {', '.join(OWN)} "
    "FROM json_populate_recordset(NULL::predictions, %s::json) ON CONFLICT DO NOTHING"
)
Row = msgspec.defstruct("Row", OWN)
encode = msgspec.json.Encoder().encode


def common(about: About) -> tuple[Any, ...]:
    return about.release, about.environment, about.number


def into_sqlite(
    about: About, rows: Sequence[Prediction]
) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Statements, and for each the values of every time that it is to run."""
    whole = len(rows) // AT_ONCE * AT_ONCE
    for size, part in ((AT_ONCE, rows[:whole]), (1, rows[whole:])):
        given = [
            (*common(about), *chain.from_iterable(part[start : start + size]))
            for start in range(0, len(part), size)
        ]
        if given:
            yield INTO_SQLITE[size], given


def into_postgresql(about: About, rows: Sequence[Prediction]) -> tuple[str, tuple[Any, ...]]:
    """A statement and its values."""
    said = encode([Row(*row) for row in rows]).decode()
    return INTO_POSTGRESQL, (*common(about), said)


def newest_of(labels: Iterable[Label]) -> list[dict[str, Any]]:
    """One for each id, in an order that two writers share: neither then waits for the other."""
    newest: dict[str, Label] = {}
    for label in labels:
        known = newest.get(label.id)
        if known is None or (label.at, label.label) > (known.at, known.label):
            newest[label.id] = label
    return [newest[name]._asdict() for name in sorted(newest)]
