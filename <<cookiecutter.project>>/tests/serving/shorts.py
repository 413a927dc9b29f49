"""A service in this process, asked over real connections."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from serving import release, settings, start
from serving.app import App
from serving.posts import Posts
from serving.server import Server, idle

SECONDS = 30


class Short:
    """A service in this process, and how many of its requests took the long way."""

    def __init__(self, app: App, row: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
        self.app, self.row = app, row
        self.long = 0
        call = Posts.__call__

        async def counted(posts: Posts, *words: Any) -> None:
            self.long += 1
            await call(posts, *words)

        patch.setattr(Posts, "__call__", counted)

    @property
    def body(self) -> bytes:
        return json.dumps({"rows": [self.row]}).encode()

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[Server]:
        self.listening = socket.create_server(("127.0.0.1", 0))
        server = self.server = Server(self.app, 3600, idle)
        task = asyncio.ensure_future(server.serve(sockets=[self.listening]))
        try:
            yield server
        finally:
            task.cancel()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.listening.getsockname())

    async def ask(self, question: bytes) -> tuple[int, dict[bytes, bytes], Any]:
        reader, writer = await self.connect()
        writer.write(question)
        found = await reply(reader)
        writer.close()
        return found

    def story(self, told: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        async def whole() -> Any:
            async with self.served():
                return await told()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(asyncio.wait_for(whole(), SECONDS))


async def reply(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes], Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.rstrip().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    body = await reader.readexactly(int(headers[b"content-length"]))
    return int(first.split()[1]), headers, json.loads(body)


def short_of(bundle: Path, patch: pytest.MonkeyPatch) -> Short:
    """A service of this bundle, which becomes the working directory."""
    patch.chdir(bundle)
    held = release.read(Path())
    made: list[Short] = []
    service, known = start.service(
        held, settings.read("dev"), "dev", 1, None, lambda: made[0].server.draining
    )
    made.append(Short(start.app(service, known), known[0]["row"], patch))
    return made[0]
