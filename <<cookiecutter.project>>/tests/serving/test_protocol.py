"""Clients that are slow, or too many, are parted from; the others are answered meanwhile."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from serving.protocol import REPLY
from serving.server import Server
from serving.server import idle as no_commands

SECONDS = 30
QUESTION = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
LARGE = 20_000_000  # bytes: more than the kernel keeps for a client that does not read


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers in one write what was sent; `/large` with much."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    said = b"x" * LARGE if scope["path"] == "/large" else body
    scope["extensions"][REPLY](200, b"x-named: yes\r\n", said)


def play(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(story, SECONDS))


@contextlib.asynccontextmanager
async def served(seconds: float = 60, connections: int = 100) -> AsyncIterator[Any]:
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    server = Server(echo, 3600, no_commands, seconds=seconds, connections=connections)
    task = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        yield lambda: asyncio.open_connection(*address)
    finally:
        task.cancel()


async def asked(connect: Any, question: bytes = QUESTION + b"body") -> bytes:
    reader, writer = await connect()
    writer.write(question)
    said: bytes = await reader.readuntil(b"body")
    writer.close()
    return said


def test_an_answer_of_one_write_is_whole() -> None:
    async def story() -> None:
        async with served() as connect:
            said = await asked(connect)
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\nx-named: yes\r\ndate: ")
        assert head.endswith(b"content-length: 4")
        assert body == b"body"

    play(story())


@pytest.mark.parametrize(
    "question",
    [
        QUESTION.replace(b"Host: x", b"Host: x\r\nConnection: close") + b"body",
        QUESTION.replace(b"HTTP/1.1", b"HTTP/1.0") + b"body",
    ],
)
def test_who_wants_one_answer_gets_one(question: bytes) -> None:
    async def story() -> None:
        async with served() as connect:
            reader, writer = await connect()
            writer.write(question)
            said = await reader.read()
            assert said.endswith(b"connection: close\r\n\r\nbody")
            writer.close()

    play(story())


def test_questions_at_once_are_answered_in_turn() -> None:
    async def story() -> None:
        async with served() as connect:
            reader, writer = await connect()
            writer.write((QUESTION + b"body") * 3)
            for _ in range(3):
                await reader.readuntil(b"body")
            writer.close()

    play(story())


@pytest.mark.parametrize("part", [b"", b"P", QUESTION[:30], QUESTION, QUESTION + b"b"])
def test_who_is_slow_to_ask_is_parted_from(part: bytes) -> None:
    async def story() -> None:
        async with served(seconds=0.5) as connect:
            slow, writer = await connect()
            writer.write(part)
            while not slow.at_eof():
                assert await asked(connect)
                with contextlib.suppress(TimeoutError):
                    said = await asyncio.wait_for(slow.read(1000), 0.1)
                    assert said in (b"",) or said.startswith(b"HTTP/1.1 408 ")
            writer.close()

    play(story())


def test_who_sends_a_little_all_the_time_is_parted_from_too() -> None:
    async def story() -> None:
        async with served(seconds=0.5) as connect:
            reader, writer = await connect()
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            while not reader.at_eof():
                writer.write(b"x")
                with contextlib.suppress(TimeoutError, ConnectionError):
                    await asyncio.wait_for(reader.read(1000), 0.05)

    play(story())


def test_who_does_not_read_the_answer_is_parted_from() -> None:
    async def story() -> None:
        async with served(seconds=0.5) as connect:
            reader, writer = await connect()
            writer.transport.pause_reading()
            writer.write(b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            await asyncio.sleep(3)
            writer.transport.resume_reading()
            with contextlib.suppress(ConnectionError):
                assert len(await reader.read()) < LARGE

    play(story())


def test_who_asks_now_and_then_stays() -> None:
    async def story() -> None:
        async with served(seconds=0.5) as connect:
            reader, writer = await connect()
            for _ in range(4):
                await asyncio.sleep(0.8)  # longer than a request may take
                writer.write(QUESTION + b"body")
                await reader.readuntil(b"body")
            writer.close()

    play(story())


def test_who_is_one_too_many_is_sent_away() -> None:
    async def story() -> None:
        async with served(connections=3) as connect:
            kept = [await connect() for _ in range(3)]
            for reader, writer in kept:
                writer.write(QUESTION + b"body")
                await reader.readuntil(b"body")
            reader, writer = await connect()
            said = await reader.read()
            assert said.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in said
            kept[0][1].close()
            await kept[0][1].wait_closed()
            assert await asked(connect)
            for _, writer in kept[1:]:
                writer.close()

    play(story())
