"""A request that is answered without a task of the event loop (short.py)."""

import time
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Protocol

from serving.rows.table import Table


class Way(Protocol):
    """Who answers it."""

    def asked(self, connection: Any) -> "Asked | None": ...
    def begin(self, asked: "Asked") -> bool: ...
    def gone(self, asked: "Asked") -> None: ...
    def end(self, asked: "Asked", answers: Sequence[float]) -> None: ...
    def fail(self, asked: "Asked", error: BaseException) -> None: ...


class Waiting:
    """What uvicorn would wake when something happens; nobody waits here."""

    def set(self) -> None:
        pass


NOBODY = Waiting()


class Asked:
    """A request under way: to uvicorn one of its own, to the batcher the place for answers."""

    __slots__ = (
        "body",
        "connection",
        "default_headers",
        "disconnected",
        "headers",
        "keep_alive",
        "more_body",
        "name",
        "on_response",
        "parts",
        "placed",
        "response_complete",
        "response_started",
        "rows",
        "short",
        "started",
    )
    message_event = NOBODY

    def __init__(self, short: Way, connection: Any, *, keep_alive: bool) -> None:
        self.short, self.connection, self.keep_alive = short, connection, keep_alive
        self.headers = connection.headers
        self.default_headers = connection.server_state.default_headers
        self.on_response = connection.on_response_complete
        self.body = b""
        self.parts: BytesIO | None = None  # of a body that did not come at once
        self.placed = False  # it has come no further, and yet counts as under way
        self.more_body = True
        self.response_started = self.response_complete = self.disconnected = False
        self.started = time.perf_counter()
        self.name = ""
        self.rows: Sequence[Any] | Table = ()

    def add(self, body: bytes) -> None:
        """More of its body has come."""
        if self.parts is None:
            self.parts = BytesIO(self.body)  # as large, a bytearray makes three copies
            self.parts.seek(len(self.body))
        self.parts.write(body)

    def join(self) -> None:
        """All of it has come."""
        if self.parts is not None:
            self.body, self.parts = self.parts.getvalue(), None

    def done(self) -> bool:
        """Its answer is kept in the log, whoever is there to hear it."""
        return False

    def set_result(self, answers: Sequence[float]) -> None:
        self.short.end(self, answers)

    def set_exception(self, error: BaseException) -> None:
        self.short.fail(self, error)
