"""Connections that can't hold us up: who sends or reads too slowly is parted from, who is one too
many is sent away.

The clock of each is looked at once a second, for all of them: a timer for each request would take
as long as its answer.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from starlette.types import ASGIApp

from serving.asked import Asked, Way
from serving.uvicorn import STATUS_LINE, HttpToolsProtocol

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n"
LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n"
LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n"
CLOSE = b"connection: close\r\n\r\n"
HEAD = 65536  # bytes of a request beside its body, which has a limit of its own; few have one KB
REPLY = "service.reply"  # among the extensions of a scope: a whole answer in one write


class Patient(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with an end."""

    dated: tuple[Sequence[tuple[bytes, bytes]], bytes] = ((), b"")  # headers, and as they are said

    def __init__(self, *words: Any, most: int, **named: Any) -> None:
        """`most` connections at one time."""
        super().__init__(*words, **named)
        self.most = most
        self.since: float | None = None  # when that began which the client owes us
        self.whole = True  # the last request has come to its end
        self.lingering = False  # all is answered, and not read
        self.head = 0  # bytes that came since a request began, or a part of its body
        self.short: Way | None = getattr(self.app, "short", None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.loop.time()
        if len(self.connections) > self.most:
            transport.write(BUSY + CLOSE)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        asked: Any = self.cycle
        if isinstance(asked, Asked) and asked.more_body:
            asked.short.gone(asked)
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: Any, app: ASGIApp) -> None:  # type: ignore[override]
        cycle.scope["extensions"] = {REPLY: partial(self.reply, cycle)}
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def reply(self, cycle: Any, status: int, head: bytes, body: bytes) -> None:
        """A whole answer: one write instead of two, and no header is looked through.

        `head` has lines that end, all but the length and whether the connection stays.
        """
        if cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        if cycle.default_headers is not Patient.dated[0]:  # which uvicorn makes once a second
            lines = (b"%b: %b" % header for header in cycle.default_headers)
            Patient.dated = cycle.default_headers, b"\r\n".join(lines)
        end = b"\r\n\r\n" if cycle.keep_alive else b"\r\n" + CLOSE
        length = b"\r\ncontent-length: %d" % len(body)
        self.transport.write(
            b"".join((STATUS_LINE[status], head, Patient.dated[1], length, end, body))
        )
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def data_received(self, data: bytes) -> None:
        self.head += len(data)
        super().data_received(data)
        if self.head > HEAD and not self.transport.is_closing():
            self.part(LONG)

    def on_message_begin(self) -> None:
        self.head = 0
        self.since = self.loop.time()
        self.whole = self.lingering = False
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        asked = self.short and self.short.asked(self)
        if asked:
            self.cycle = asked  # type: ignore[assignment]
        else:
            self.long_way()

    def long_way(self) -> None:
        """A request that uvicorn gives to the app, as it does all; its head has come."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # which the scope holds
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.head = 0
        asked: Any = self.cycle
        if isinstance(asked, Asked):
            if asked.body or asked.parts:
                asked.add(body)
            else:
                asked.body = body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.whole = True
        asked: Any = self.cycle
        if isinstance(asked, Asked):
            self.since = self.loop.time()
            asked.more_body = False
            if asked.parts:
                asked.join()
            if asked.short.begin(asked):
                return
            asked.response_complete = True  # nothing was said: another one takes its place
            self.long_way()
            self.cycle.keep_alive &= asked.keep_alive
            super().on_body(asked.body)
        # From here on it is to read our answer.
        self.since = None if self.cycle.response_complete else self.loop.time()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.whole:
            self.since = None
        super().on_response_complete()

    def unread(self) -> bool:
        """Does an answer wait to be read, or for its end to be seen?"""
        return self.transport.is_closing() or self.transport.get_write_buffer_size() > 0

    def look(self, seconds: float) -> None:
        """Part from a client that has taken longer than so many seconds."""
        now = self.loop.time()
        if self.since is None or self.lingering:
            before, self.lingering = self.lingering, self.unread()
            if not self.lingering:
                self.since = None
            elif not before:
                self.since = now
        if self.since is None or now - self.since <= seconds:
            return
        self.part(LATE)
        self.since = now

    def part(self, why: bytes) -> None:
        """End the connection; say why, where that can't be taken for another answer."""
        if self.whole or self.transport.is_closing() or self.answered():
            self.transport.abort()
        else:
            self.transport.write(why + CLOSE)
            self.transport.close()

    def answered(self) -> bool:
        """Has the answer begun, to a request that is still being sent?"""
        return self.cycle is not None and self.cycle.more_body and self.cycle.response_started


def look(connections: Iterable[Any], seconds: float) -> None:
    for connection in list(connections):
        connection.look(seconds)
