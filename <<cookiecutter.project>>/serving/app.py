"""A service behind HTTP: what costs something goes straight to the model, the rest to Starlette."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import events
from serving.posts import CLOSE, Posts
from serving.service import Service

# Of pages: all that they show comes from here, and no other page shows them.
HEADERS = [
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
NO_STORE = (b"cache-control", b"no-store")
OTHER = "other"  # in the metrics: paths that are none, of which there is no end


class App:
    def __init__(self, service: Service, gets: Callable[[Posts], ASGIApp]) -> None:
        """`gets` answers all but the posts; it is made when it is first asked."""
        self.service = service
        self.posts = Posts(service)
        self.make = gets
        self.gets: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" and scope["path"] in self.posts.routes:
            await self.posts(scope, receive, send)
        elif scope["type"] == "http":
            await self.page(scope, receive, send)

    async def page(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        name = self.posts.name(dict(scope["headers"]).get(b"x-request-id", b""))
        status = 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self.headers(message.get("headers", []), name)
            await send(message)

        try:
            if self.gets is None:
                self.gets = self.make(self.posts)
            await self.gets(scope, receive, told)
        except Exception as error:
            events.fault(error, request=name)
            body = b"a fault of the service; its log says where"
            headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
            await told({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        route = getattr(scope.get("route"), "path", OTHER)
        self.service.metrics.answered(route, status, time.perf_counter() - started)

    def headers(self, said: list[tuple[bytes, bytes]], name: str) -> list[tuple[bytes, bytes]]:
        """While draining, tell each client to connect anew: it then reaches the next process."""
        given = {key.lower() for key, _ in said}
        mine = [header for header in (*HEADERS, NO_STORE) if header[0] not in given]
        closing = [CLOSE] if self.service.draining() else []
        return [*said, *mine, (b"x-request-id", name.encode()), *closing]
