"""What a record in the spool says: the answers of a request, or labels that people sent."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

PREDICTIONS, LABELS = 1, 2  # kinds of records
NAME = 16  # hex digits that begin an id, random for each process: 64 bits
FIRST = 10**11  # the number behind them: all have twelve digits, and nobody has to pad them
ID = re.compile(rf"[0-9a-f]{{{NAME}}}[0-9]{{12,16}}")


class About(msgspec.Struct, frozen=True):
    """What all predictions of a process have in common."""

    release: str  # the tree
    environment: str
    number: int  # of the deployment
    threshold: float | None = None  # from there on, a prediction is a yes; None: nothing is decided


UNKNOWN = About("unknown", "unknown", 0)  # of a process whose owner file is damaged


class Label(NamedTuple):
    """What turned out to be true."""

    id: str  # of the prediction
    label: float
    at: float  # seconds since 1970; of several labels for an id, the newest holds


# id, at, release, environment, deployment, request, seconds, input, prediction, decision
Prediction = tuple[
    str, float, str, str, int, str, float, str, float | None, bool | None
]  # a tuple with names would take twice the time


class Answered(msgspec.Struct, array_like=True):
    """The rows of one request."""

    at: float
    request: str
    ids_from: str
    seconds: float
    answers: list[float | None]
    rows: list[msgspec.Raw]


def plain(value: Any) -> Any:
    """numpy's numbers and arrays, as JSON has them."""
    return value.tolist()


encode = msgspec.json.Encoder(enc_hook=plain).encode
split: Callable[[bytes], list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw]).decode
answered = msgspec.json.Decoder(Answered).decode
labelled = msgspec.json.Decoder(list[Label]).decode
about_of = msgspec.json.Decoder(About).decode


def ids(first: str, count: int) -> list[str]:
    """So many ids from this one on."""
    name, number = first[:NAME], int(first[NAME:])
    return [f"{name}{each}" for each in range(number, number + count)]


def predictions(record: bytes, about: About) -> list[Prediction]:
    """The rows of a record, as the table has them.

    Raises:
        ValueError, msgspec.MsgspecError: it is no such record.
    """
    found = answered(record)
    threshold = about.threshold
    request = found.request.replace("\0", "")  # PostgreSQL has no text with it
    names = [found.ids_from] if len(found.answers) == 1 else ids(found.ids_from, len(found.answers))
    return [
        (
            name,
            found.at,
            about.release,
            about.environment,
            about.number,
            request,
            found.seconds,
            bytes(row).decode(),
            answer,
            None if threshold is None or answer is None else answer >= threshold,
        )
        for name, answer, row in zip(names, found.answers, found.rows, strict=True)
    ]


def parsed(
    records: Sequence[tuple[int, int, bytes]], about: About
) -> tuple[list[Prediction], list[Label], int]:
    """What is in these, and how many rows of them can't be read."""
    rows: list[Prediction] = []
    labels: list[Label] = []
    wrong = 0
    for kind, count, record in records:
        try:
            if kind == PREDICTIONS:
                rows += predictions(record, about)
            else:
                labels += labelled(record)
        except (ValueError, msgspec.MsgspecError):
            wrong += count
    return rows, labels, wrong
