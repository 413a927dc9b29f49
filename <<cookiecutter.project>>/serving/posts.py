"""The questions that cost something, in raw ASGI: /predict, /invocations, /explain, /feedback.

They share what comes before an answer: the key, the limits, the body; and what every answer has.
"""

import math
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from io import BytesIO
from itertools import count

import msgspec
from starlette.types import Receive, Scope, Send

from serving import events
from serving.predictions import labels
from serving.predictions.ids import Ids
from serving.protocol import REPLY
from serving.refusal import Refusal, refusal
from serving.rows.contract import Rows
from serving.service import Service

# No page shows these answers and nobody keeps them; what they are is not to be guessed.
HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]
HEAD = b"".join(b"%b: %b\r\n" % header for header in HEADERS)
CLOSE = (b"connection", b"close")
NAMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")  # a request's name in headers and in the log
WAITING = 4  # the largest requests that may wait for the model: half a second of it
AGAIN = 1  # seconds after which to ask again: most requests take a hundredth of one

encode = msgspec.json.Encoder().encode
Answer = tuple[int, bytes]
Headers = list[tuple[bytes, bytes]]


class Predictions(msgspec.Struct, omit_defaults=True):
    release: str
    model: str
    predictions: Sequence[float]
    ids: list[str] | msgspec.Raw
    decisions: list[bool] | msgspec.UnsetType = msgspec.UNSET


class Gone(Exception):
    """The client has left."""


class Posts:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.routes: Mapping[str, Callable[[str, bytes, str], Awaitable[Answer]]] = {
            "/predict": self.predict,
            "/invocations": self.invocations,
            "/explain": self.explain,
            "/feedback": self.feedback,
        }
        self.most = service.limits.request_kb * 1024
        self.under_way = 0
        self.prefix = secrets.token_hex(6)  # names of requests are ours alone, over restarts too
        self.numbers = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        route = scope["path"]
        found = dict(scope["headers"])
        name = self.name(found.get(b"x-request-id", b""))
        more: Headers = []
        try:
            status, said = await self.answer(route, found, receive, name)
        except Refusal as refused:
            status, said, more = refused.status, encode(refused.as_dict()), extras(refused)
            self.service.metrics.refused(refused)
        except Gone:
            self.service.metrics.errors["gone", ""] += 1
            return
        except Exception as error:
            status, said, more = self.fault(error, name)
        if self.service.draining():
            more.append(CLOSE)
        await reply(scope, send, status, name, more, said)
        self.service.metrics.answered(route, status, time.perf_counter() - started)

    def fault(self, error: BaseException, name: str) -> tuple[int, bytes, Headers]:
        """Status, text and more headers of an answer to what nobody expected."""
        if isinstance(error, MemoryError):
            wrong = refusal(503, "no memory is left for it", AGAIN)
        else:
            events.fault(error, request=name)
            wrong = refusal(500, "a fault of the service; its log says where")
        self.service.metrics.refused(wrong)
        return wrong.status, encode(wrong.as_dict()), extras(wrong)

    def name(self, said: bytes) -> str:
        """The client's own name of a request, or a new one."""
        if said and NAMED.fullmatch(said):
            return said.decode()
        return f"{self.prefix}-{next(self.numbers):x}"

    def head(self, name: str, more: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
        """The headers of an answer that leaves in one write."""
        lines = b"".join(b"%b: %b\r\n" % header for header in more) if more else b""
        return b"%b%bx-request-id: %b\r\n" % (HEAD, lines, name.encode())

    async def answer(
        self, route: str, headers: Mapping[bytes, bytes], receive: Receive, name: str
    ) -> Answer:
        if not self.allowed(headers):
            raise refusal(401, "an API key must come in Authorization: Bearer, or in X-API-Key")
        if self.full:
            most = self.service.limits.concurrent
            raise refusal(429, f"at most {most} requests at one time", AGAIN)
        self.under_way += 1
        try:
            body = await self.body(int(headers.get(b"content-length", 0)), receive)
            kind = headers.get(b"content-type", b"").decode("latin-1")
            return await self.routes[route](kind, body, name)
        finally:
            self.under_way -= 1

    def allowed(self, headers: Mapping[bytes, bytes]) -> bool:
        keys = self.service.keys
        return not keys or keys.allow(
            headers.get(b"authorization", b""), headers.get(b"x-api-key", b"")
        )

    @property
    def full(self) -> bool:
        """Are there as many requests as may be at one time?"""
        return self.under_way >= self.service.limits.concurrent

    @property
    def crowded(self) -> bool:
        """Do more rows wait for the model than are soon answered?"""
        return self.service.batcher.waiting > WAITING * self.service.limits.rows

    async def body(self, length: int, receive: Receive) -> bytes:
        """What was sent; nothing is read of what says that it is too long, or proves to be."""
        if length > self.most:
            raise self.too_long()
        message = await receive()
        if message["type"] == "http.request" and not message["more_body"]:
            whole: bytes = message["body"]
            if len(whole) > self.most:
                raise self.too_long()
            return whole
        parts = BytesIO()  # of a large one, a bytearray makes three copies
        while True:
            if message["type"] != "http.request":
                raise Gone
            parts.write(message["body"])
            if parts.tell() > self.most:
                raise self.too_long()
            if not message["more_body"]:
                return parts.getvalue()
            message = await receive()

    def too_long(self) -> Refusal:
        return refusal(413, f"at most {self.most} bytes; send the rows in several requests")

    async def predict(self, kind: str, body: bytes, name: str) -> Answer:
        started = time.perf_counter()
        rows = self.service.reader.read(kind, body)
        answers, ids = await self.predicted(rows, name, started)
        return 200, self.said(answers, ids.said(0, len(answers)))

    def said(self, answers: Sequence[float], ids: list[str] | msgspec.Raw) -> bytes:
        about = self.service.about
        said = Predictions(about.release, about.model, answers, ids)
        if (threshold := about.threshold) is not None:
            said.decisions = list(map(threshold.__le__, answers))
        return encode(said)

    async def invocations(self, kind: str, body: bytes, name: str) -> Answer:
        started = time.perf_counter()
        rows = self.service.reader.invocations(kind, body)
        answers, _ = await self.predicted(rows, name, started)
        return 200, encode({"predictions": answers})

    async def predicted(self, rows: Rows, name: str, started: float) -> tuple[Sequence[float], Ids]:
        """The answers and their ids."""
        if self.crowded:
            raise refusal(503, "more rows wait than are soon answered", AGAIN)
        answers = await self.service.batcher.predict(rows)
        return answers, self.keep([(name, time.perf_counter() - started, answers, rows)])

    def keep(self, answered: Sequence[tuple[str, float, Sequence[float], Rows]]) -> Ids:
        """Put answers into the log, before anybody hears them; the ids of their rows, in order.

        Of each request: its name, the seconds it took, the answers, the rows.
        """
        service = self.service
        ids = service.log.take(sum([len(answers) for _, _, answers, _ in answered]))
        if service.log.keeps:
            kept, key = service.contract.kept, service.hash_key
            entries = [(name, took, given, kept(rows, key)) for name, took, given, rows in answered]
            service.log.append(time.time(), ids.first, entries)
        return ids

    async def explain(self, kind: str, body: bytes, name: str) -> Answer:  # noqa: ARG002
        service = self.service
        rows = service.reader.read(kind, body)
        if len(rows) != 1:
            raise refusal(422, "one row is explained at a time")
        explanation = service.explainer()(service.contract.columns(rows))
        about = service.about
        return 200, encode({"release": about.release, "model": about.model, **asdict(explanation)})

    async def feedback(self, kind: str, body: bytes, name: str) -> Answer:  # noqa: ARG002
        found = labels.read(body, self.service.limits.rows, time.time())
        self.service.log.label(found)
        return 202, encode({"labels": len(found)})


async def reply(
    scope: Scope,
    send: Send,
    status: int,
    name: str,
    more: Headers,
    said: bytes,
) -> None:
    """Send an answer: at once where the server can and nothing is out of the ordinary."""
    at_once = scope.get("extensions", {}).get(REPLY)
    if at_once and not more:
        at_once(status, b"%bx-request-id: %b\r\n" % (HEAD, name.encode()), said)
        return
    length = (b"content-length", b"%d" % len(said))
    headers = [*HEADERS, (b"x-request-id", name.encode()), *more, length]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said})


def extras(refused: Refusal) -> Headers:
    """The headers of a refusal."""
    found = []
    if refused.retry is not None:
        found.append((b"retry-after", b"%d" % math.ceil(refused.retry)))
    if refused.status == 401:
        found.append((b"www-authenticate", b"Bearer"))
    return found
