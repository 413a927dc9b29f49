"""What a record in the spool says: the answers of some requests, or labels that people sent."""

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


# request, seconds, answers, rows: of one request, as it is said
Answered = tuple[str, float, Sequence[float], Sequence[Any]]
# id, at, request, seconds, input, prediction, decision: of one row, as the table has it
Prediction = tuple[str, float, str, float, str, float | None, bool | None]
# Tuples: with names they would take twice the time.
Read = tuple[float, str, list[tuple[str, float, list[float | None], list[msgspec.Raw]]]]


def plain(value: Any) -> Any:
    """numpy's numbers and arrays, as JSON has them."""
    return value.tolist()


encode = msgspec.json.Encoder(enc_hook=plain).encode
read: Callable[[bytes], Read] = msgspec.json.Decoder(Read).decode
labelled = msgspec.json.Decoder(list[Label]).decode
about_of = msgspec.json.Decoder(About).decode


def after(first: str, count: int) -> str:
    """The id that comes so many after this one."""
    return f"{first[:NAME]}{int(first[NAME:]) + count}"


def halves(answered: Sequence[Answered]) -> tuple[list[Answered], list[Answered]]:
    """Some requests as two parts; where it is one of several rows, its rows."""
    half = len(answered) // 2
    if half:
        return list(answered[:half]), list(answered[half:])
    ((request, seconds, answers, rows),) = answered
    half = len(answers) // 2
    return (
        [(request, seconds, answers[:half], rows[:half])],
        [(request, seconds, answers[half:], rows[half:])],
    )


def predictions(record: bytes, threshold: float | None) -> list[Prediction]:
    """The rows of a record.

    Raises:
        ValueError, msgspec.MsgspecError: it is no such record.
    """
    at, first, requests = read(record)
    name, number = first[:NAME], int(first[NAME:])
    found: list[Prediction] = []
    for request, seconds, answers, rows in requests:
        request = request.replace("\0", "")  # PostgreSQL has no text with it
        for answer, row in zip(answers, rows, strict=True):
            decision = None if threshold is None or answer is None else answer >= threshold
            said = str(row, "utf-8")  # without a copy between
            found.append((f"{name}{number}", at, request, seconds, said, answer, decision))
            number += 1
    return found


def parsed(
    records: Sequence[tuple[int, int, bytes]], threshold: float | None
) -> tuple[list[Prediction], list[Label], int]:
    """What is in these, and how many rows of them can't be read."""
    rows: list[Prediction] = []
    labels: list[Label] = []
    wrong = 0
    for kind, count, record in records:
        try:
            if kind == PREDICTIONS:
                rows += predictions(record, threshold)
            else:
                labels += labelled(record)
        except (ValueError, msgspec.MsgspecError):
            wrong += count
    return rows, labels, wrong
