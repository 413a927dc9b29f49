"""A service behind HTTP: what costs something, what costs nothing, and the pages."""

import time
from collections.abc import Callable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import events
from serving.gets import JSON, Gets, Said
from serving.posts import CLOSE, Posts, encode
from serving.refusal import refusal
from serving.service import Service
from serving.short import Short

# Of pages: all that they show comes from here, and no other page shows them.
HEADERS = [
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]
READS = ("GET", "HEAD")
OTHER = "other"  # in the metrics: paths that are none, of which there is no end


class App:
    def __init__(self, service: Service, pages: Callable[[], ASGIApp]) -> None:
        """`pages` answers all that is asked of nobody else; it is made when that is first asked."""
        self.service = service
        self.posts = Posts(service)
        self.short = Short(self.posts)
        self.gets = Gets(service)
        self.make = pages
        self.pages: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "POST" and scope["path"] in self.posts.routes:
            await self.posts(scope, receive, send)
        else:
            await self.other(scope, receive, send)

    async def other(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        path = scope["path"]
        name = self.posts.name(dict(scope["headers"]).get(b"x-request-id", b""))
        status = 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self.headers(message.get("headers", []), name)
            await send(message)

        try:
            if path in self.gets.routes and scope["method"] in READS:
                await say(told, self.gets.routes[path](scope["query_string"]))
            elif path in self.gets.routes:
                await say(told, other_method(READS), allow(READS))
            elif path in self.posts.routes:
                await say(told, other_method(["POST"]), allow(["POST"]))
            else:
                if self.pages is None:
                    self.pages = self.make()
                await self.pages(scope, receive, told)
        except Exception as error:
            events.fault(error, request=name)
            said = refusal(500, "a fault of the service; its log says where").as_dict()
            await say(told, (500, JSON, encode(said)))
        known = path in self.gets.routes or path in self.posts.routes
        route = path if known else getattr(scope.get("route"), "path", OTHER)
        self.service.metrics.answered(route, status, time.perf_counter() - started)

    def headers(self, said: Iterable[tuple[bytes, bytes]], name: str) -> list[tuple[bytes, bytes]]:
        """While draining, tell each client to connect anew: it then reaches the next process."""
        said = list(said)
        given = {key.lower() for key, _ in said}
        mine = [header for header in HEADERS if header[0] not in given]
        closing = [CLOSE] if self.service.draining() else []
        return [*said, *mine, (b"x-request-id", name.encode()), *closing]


def other_method(known: Iterable[str]) -> Said:
    said = refusal(405, f"the method must be {' or '.join(known)}").as_dict()
    return 405, JSON, encode(said)


def allow(known: Iterable[str]) -> tuple[bytes, bytes]:
    return b"allow", ", ".join(known).encode()


async def say(send: Send, said: Said, *more: tuple[bytes, bytes]) -> None:
    status, kind, body = said
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
