"""A server whose listeners come and go drops nobody that it has accepted."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from serving.server import Server

SECONDS = 30
DRAIN = 3600.0  # the kernel would end the tests themselves
QUESTION = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


async def idle(_: Server) -> None:
    await asyncio.sleep(DRAIN)


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """The server asks the kernel to end the process; here it is that of the tests."""
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def play(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(story, SECONDS))


async def asked(address: tuple[str, int]) -> bytes:
    """The answer to a question, up to the end of the connection or of the answer."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(QUESTION)
    said = await reader.readuntil(b"hello")
    writer.close()
    return said


def test_it_answers_on_both_addresses_and_then_on_none() -> None:
    async def story() -> None:
        private, public = (socket.create_server(("127.0.0.1", 0)) for _ in "ab")
        addresses = [one.getsockname() for one in (private, public)]
        server = Server(hello, DRAIN, idle)
        task = asyncio.ensure_future(server.serve(sockets=[private]))
        assert await asked(addresses[0])
        await server.listen(public)
        assert await asked(addresses[1])
        assert await asked(addresses[0])
        server.drain()
        server.drain()
        await task
        for address in addresses:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address)

    play(story())


def test_what_was_accepted_before_draining_is_answered() -> None:
    async def story() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        server = Server(hello, DRAIN, idle)
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        await asked(listening.getsockname())
        clients = [await asyncio.open_connection(*listening.getsockname()) for _ in range(20)]
        while len(server.server_state.connections) < len(clients):
            await asyncio.sleep(0)
        server.drain()
        await asyncio.sleep(0.2)  # longer than the server takes to look
        assert not task.done()
        for reader, writer in clients:
            writer.write(QUESTION)
            assert await reader.readuntil(b"hello")
            writer.close()
        await task

    play(story())


@pytest.mark.parametrize("turns", range(6))
def test_draining_drops_nobody_at_any_turn_of_the_loop(turns: int) -> None:
    async def story() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        other = listening.dup()  # another process that accepts what this one leaves
        server = Server(hello, DRAIN, idle)
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        await asked(listening.getsockname())
        clients = [socket.create_connection(listening.getsockname()) for _ in range(20)]
        for client in clients:
            client.sendall(QUESTION)
        for _ in range(turns):
            await asyncio.sleep(0)
        server.drain()
        left = await accepted(other)
        said = [await answer(client) for client in clients if client.getsockname() not in left]
        assert all(said)
        for client in clients:
            client.close()
        other.close()
        await task

    play(story())


async def accepted(listening: socket.socket) -> set[object]:
    """The clients that wait there, once the server has had time to take them."""
    await asyncio.sleep(0.05)
    listening.setblocking(False)
    found = set()
    with contextlib.suppress(BlockingIOError):
        while True:
            connection, client = listening.accept()
            connection.close()
            found.add(client)
    return found


async def answer(client: socket.socket) -> bytes:
    reader, writer = await asyncio.open_connection(sock=client)
    try:
        return await reader.readuntil(b"hello")
    finally:
        writer.close()


def test_one_that_is_alone_takes_all_that_waits_before_it_ends() -> None:
    async def story() -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        server = Server(hello, DRAIN, idle, alone=True)
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        await asked(listening.getsockname())
        clients = [socket.create_connection(listening.getsockname()) for _ in range(50)]
        for client in clients:
            client.sendall(QUESTION)
        server.handle_exit(signal.SIGTERM, None)
        assert all([await answer(client) for client in clients])
        await task

    play(story())


class Knocked(Server):
    """Someone wants to connect between its last look and its end."""

    connected = False

    def drain(self) -> None:
        for server in self.servers:
            for listening in server.sockets:
                with contextlib.suppress(TimeoutError):
                    socket.create_connection(listening.getsockname(), 0.2).close()
                    self.connected = True
        super().drain()


def test_nobody_comes_between_its_last_look_and_its_end() -> None:
    async def story() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        server = Knocked(hello, DRAIN, idle, alone=True)
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        await asked(listening.getsockname())
        server.handle_exit(signal.SIGTERM, None)
        await task
        assert not server.connected

    play(story())


def test_what_is_handed_to_one_that_drains_is_closed() -> None:
    async def story() -> None:
        private, public = (socket.create_server(("127.0.0.1", 0)) for _ in "ab")
        server = Server(hello, DRAIN, idle)
        task = asyncio.ensure_future(server.serve(sockets=[private]))
        await asked(private.getsockname())
        server.drain()
        await server.listen(public)
        assert public.fileno() == -1
        await task

    play(story())


def test_the_kernel_is_asked_to_end_what_does_not_end() -> None:
    async def story() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        server = Server(hello, DRAIN, idle)
        task = asyncio.ensure_future(server.serve(sockets=[listening]))
        await asked(listening.getsockname())
        server.drain()
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left <= DRAIN
        assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
        await task

    play(story())
