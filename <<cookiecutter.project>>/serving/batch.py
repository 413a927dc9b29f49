"""Requests of one tick of the event loop become one inference.

32 rows take the model four times as long as one does, and who is alone waits for nobody:
the rows that wait are those which came while the last answers were written.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from serving.rows.table import Table, together

Answers = NDArray[np.float32]
Columns = Mapping[str, Any]


class Place(Protocol):
    """Where answers go: a future, or what looks like one. It raises nothing."""

    def done(self) -> bool: ...
    def set_result(self, result: Sequence[float], /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


Rows = Sequence[Any] | Table
Request = tuple[Rows, Place]  # its rows, and where answers go

PIECE = 1000  # rows of one inference: it takes 2 ms, for which a request of one row may wait


class Large:
    """A request of more rows than one inference takes."""

    def __init__(self, rows: Rows, future: Place) -> None:
        self.rows, self.future = rows, future
        self.answers: list[float] = []

    def next(self) -> Rows:
        return self.rows[len(self.answers) : len(self.answers) + PIECE]


class Batcher:
    """Joins the rows that arrive in one tick; large requests run in bounded pieces, one a tick."""

    def __init__(
        self,
        columns: Callable[[Any], Columns],
        model: Callable[[Columns], Answers],
        seen: Callable[[Columns, Answers], None] | None = None,
    ) -> None:
        """`seen` is told of each inference."""
        self.columns, self.model, self.seen = columns, model, seen
        self.settled: Callable[[], None] = nobody  # told when the answers of an inference are there
        self.small: list[Request] = []
        self.large: deque[Large] = deque()
        self.waiting = 0  # rows
        self.planned = False

    def predict(self, rows: Rows) -> "asyncio.Future[Sequence[float]]":
        """The answers to rows, in their order."""
        future: asyncio.Future[Sequence[float]] = asyncio.get_running_loop().create_future()
        self.ask(rows, future)
        return future

    def ask(self, rows: Rows, place: Place) -> None:
        """Let the answers to rows come to a place, in their order."""
        self.waiting += len(rows)
        if len(rows) > PIECE:
            self.large.append(Large(rows, place))
        else:
            self.small.append((rows, place))
        if not self.planned:
            self.planned = True
            asyncio.get_running_loop().call_soon(self.tick)

    def tick(self) -> None:
        """Answer what has come; of the large requests, a piece of the first."""
        small, self.small = self.small, []
        for joined in portions(small):
            self.answer(joined)
            self.settled()
        if self.large:
            self.piece(self.large[0])
            self.settled()
        self.planned = bool(self.large)
        if self.planned:
            asyncio.get_running_loop().call_soon(self.tick)

    def answer(self, requests: list[Request]) -> None:
        self.waiting -= sum(len(rows) for rows, _ in requests)
        if len(requests) == 1:
            ((rows, future),) = requests
            settle(future, self.inferred, rows)
            return
        try:
            answers = self.answers(self.joined([rows for rows, _ in requests]))
        except Exception:  # of one of them; each is asked alone, so that it is that one's
            for rows, future in requests:
                settle(future, self.inferred, rows)
            return
        start = 0
        for rows, future in requests:
            end = start + len(rows)
            if not future.done():  # its client may be gone
                future.set_result(answers[start:end])
            start = end

    def piece(self, request: Large) -> None:
        ended = request.future.done()  # its client may be gone
        if not ended:
            try:
                request.answers += self.inferred(request.next())
            except Exception as error:
                request.future.set_exception(error)
                ended = True
            else:
                ended = len(request.answers) == len(request.rows)
                if ended:
                    request.future.set_result(request.answers)
        if ended:
            self.waiting -= len(request.rows)
            self.large.popleft()

    def joined(self, parts: Sequence[Rows]) -> Columns:
        if any(isinstance(rows, Table) for rows in parts):
            return together([self.columns(rows) for rows in parts])
        return self.columns([row for rows in parts for row in rows])  # type: ignore[union-attr]

    def inferred(self, rows: Rows) -> list[float]:
        return self.answers(self.columns(rows))

    def answers(self, columns: Columns) -> list[float]:
        answers = self.model(columns)
        if self.seen:
            self.seen(columns, answers)
        found: list[float] = answers.tolist()
        return found


def nobody() -> None:
    """Hear that there are answers."""


def portions(requests: list[Request]) -> list[list[Request]]:
    """The requests in groups of no more than PIECE rows."""
    groups: list[list[Request]] = []
    count = PIECE
    for request in requests:
        count += len(request[0])
        if count > PIECE:
            groups.append([])
            count = len(request[0])
        groups[-1].append(request)
    return groups


def settle(
    future: Place,
    infer: Callable[[Rows], list[float]],
    rows: Rows,
) -> None:
    if future.done():
        return
    try:
        answers = infer(rows)
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(answers)
