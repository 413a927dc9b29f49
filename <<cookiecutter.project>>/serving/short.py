"""A right question, answered without a task of the event loop: for one row that takes a third of
the time. It goes from the parser to the batcher, and from the model's answer to the socket.

What is out of the ordinary goes the long way (posts.py), where each refusal is known: nothing has
been said to it by then.
"""

import time
from collections.abc import Sequence
from typing import Any

from serving.asked import Asked
from serving.posts import Posts

ROUTE = "/predict"
URL = ROUTE.encode()
SMALL = 65536  # bytes of a body that many may send before it is asked whether they may


class Short:
    def __init__(self, posts: Posts) -> None:
        self.posts = posts
        self.service = posts.service
        self.ended: list[tuple[Asked, Sequence[float]]] = []
        self.service.batcher.settled = self.settle

    def asked(self, connection: Any) -> Asked | None:
        """The request whose head has come, if it may go this way."""
        parser = connection.parser
        if connection.url != URL or parser.get_method() != b"POST":
            return None
        before: Any = connection.cycle
        if before is not None and not before.response_complete:
            return None
        if connection.expect_100_continue or parser.should_upgrade():
            return None
        if parser.get_http_version() != "1.1":
            return None
        for name, value in connection.headers:
            if name == b"content-length":
                asked = Asked(self, connection, keep_alive=parser.should_keep_alive())
                length = int(value)
                return asked if length <= SMALL or self.place(asked, length) else None
        return None

    def place(self, asked: Asked, length: int) -> bool:
        """Take a place for a large request before its body comes; False where it may not have one.

        Who is sent away is so the long way, which reads nothing of the body then.
        """
        posts = self.posts
        if length > posts.most or posts.full or not posts.allowed(dict(asked.headers)):
            return False
        posts.under_way += 1
        asked.placed = True
        return True

    def gone(self, asked: Asked) -> None:
        """Nobody waits for its answer, or it goes the long way, where it takes a place anew."""
        self.posts.under_way -= asked.placed
        asked.placed = False

    def begin(self, asked: Asked) -> bool:
        """Have a whole request answered; False where it must go the long way."""
        posts, service = self.posts, self.service
        if asked.placed:
            self.gone(asked)  # nobody else runs until it has a place again
        if posts.full or posts.crowded:
            return False
        found = dict(asked.headers)
        if not posts.allowed(found):
            return False
        try:
            kind = found.get(b"content-type", b"").decode("latin-1")
            asked.rows = rows = service.reader.read(kind, asked.body)
        except Exception:  # the long way says what is wrong
            return False
        posts.under_way += 1
        asked.name = posts.name(found.get(b"x-request-id", b""))
        service.batcher.ask(rows, asked)
        return True

    def end(self, asked: Asked, answers: Sequence[float]) -> None:
        self.ended.append((asked, answers))

    def settle(self) -> None:
        """Keep the answers of a tick, in one step that costs each a third; then say them."""
        ended, self.ended = self.ended, []
        if not ended:
            return
        now = time.perf_counter()
        try:
            ids = self.posts.keep(
                [(asked.name, now - asked.started, answers, asked.rows) for asked, answers in ended]
            )
        except Exception as error:
            for asked, _ in ended:
                self.fail(asked, error)
            return
        start = 0
        for asked, answers in ended:
            end = start + len(answers)
            try:
                said = self.posts.said(answers, ids.said(start, end))
            except Exception as error:  # others have answers
                self.fail(asked, error)
            else:
                self.reply(asked, 200, [], said)
            start = end

    def fail(self, asked: Asked, error: BaseException) -> None:
        status, said, more = self.posts.fault(error, asked.name)
        self.reply(asked, status, more, said)

    def reply(
        self, asked: Asked, status: int, more: Sequence[tuple[bytes, bytes]], said: bytes
    ) -> None:
        self.posts.under_way -= 1
        if self.service.draining():  # the client's next one is for the next process
            asked.keep_alive = False
        asked.rows, asked.body = (), b""  # its connection stays, and with it this request
        asked.connection.reply(asked, status, self.posts.head(asked.name, more), said)
        took = time.perf_counter() - asked.started
        self.service.metrics.answered(ROUTE, status, took)
