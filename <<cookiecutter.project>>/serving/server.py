"""A server whose public address comes and goes while it runs: uvicorn, with listeners at will.

On uvloop, an empty answer takes 29 µs of a processor, 37 µs on asyncio's own loop; granian took
43 µs, and takes no listening socket from another process.
"""

import asyncio
import ctypes
import select
import signal
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.types import ASGIApp

from serving import events, protocol, uvicorn

# A connection without a request for so long is closed, as it always is by uvicorn; a draining
# process closes none sooner, for its client may be about to send.
IDLE_SECONDS = 5
BACKLOG = 2048  # connections that wait to be accepted: uvicorn's own number
TURNS = 10  # of the loop: three make an accepted connection one that is counted
PAUSE = 0.05  # seconds between two looks at who is still there
TICKS = 10  # of the main loop, a second: between two looks at who is late
SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python's socket module does not name it
# Drops a segment that asks for a connection (SYN without ACK) and lets all others in.
# (code, jump if true, jump if not, operand): Linux, Documentation/networking/filter.rst.
NO_MORE = (
    (0x30, 0, 0, 13),  # load the byte that holds the flags of a TCP header
    (0x54, 0, 0, 0x12),  # of which SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # keep nothing
    (0x06, 0, 0, 0xFFFFFFFF),  # keep all
)


class Server(uvicorn.Server):
    """Serves on a private address, then also on a public one that it is handed."""

    def __init__(
        self,
        app: ASGIApp,
        drain_seconds: float,
        obey: Callable[["Server"], Awaitable[None]],
        *,
        seconds: float = 60,  # for a client to send a request or to read its answer
        connections: int = 1000,
        alone: bool = False,  # nobody else accepts on our sockets
    ) -> None:
        idle = min(IDLE_SECONDS, max(1, int(drain_seconds / 2)))
        http = partial(protocol.Patient, most=connections)
        super().__init__(
            uvicorn.Config(
                app,
                http=http,  # type: ignore[arg-type]
                lifespan="off",
                log_config=None,
                access_log=False,
                ws="none",
                timeout_keep_alive=idle,
                backlog=BACKLOG,
                server_header=False,
                proxy_headers=False,  # nobody here asks who the client is
            )
        )
        self.obey = obey
        self.drain_seconds = drain_seconds
        self.seconds = seconds
        self.draining = False
        self.public: socket.socket | None = None
        self.alone = alone

    async def main_loop(self) -> None:
        """Take commands as long as there is a process to take them, draining or not."""
        self.commands = asyncio.ensure_future(self.obey(self))
        await super().main_loop()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            protocol.look(self.server_state.connections, self.seconds)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: object) -> None:  # noqa: ARG002
        """A signal drains; it is not raised again at the end, which is a good one."""
        self.should_exit = True

    async def listen(self, public: socket.socket) -> None:
        """Also accept what comes on this listening socket."""
        if self.draining or self.public is not None:
            public.close()
            return
        former = self.servers
        await self.startup(sockets=[public])
        self.servers += former
        self.public = public

    def drain(self) -> None:
        """Accept nothing more; end when all that was accepted is answered, or time is up."""
        if self.draining:
            return
        self.draining = self.should_exit = True
        self.public = None
        # uvloop attaches what it accepts at once; what waits in the kernel is for others.
        for server in self.servers:
            server.close()
        # The kernel ends what has not ended by then, hung or not.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self.drain_seconds)
        events.say("draining", connections=len(self.server_state.connections))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.alone and not self.draining:
            await self.empty(sockets or [])
        self.drain()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        while self.server_state.connections or self.server_state.tasks:
            protocol.look(self.server_state.connections, self.seconds)
            await asyncio.sleep(PAUSE)

    async def empty(self, sockets: list[socket.socket]) -> None:
        """Accept what waits: where nobody else does, the kernel would turn it away."""
        for listening in sockets:
            let_in_no_more(listening)
        loop = asyncio.get_running_loop()
        end = loop.time() + self.drain_seconds / 2
        waiting = select.poll()
        for listening in sockets:
            waiting.register(listening, select.POLLIN)
        while waiting.poll(0) and loop.time() < end:
            await asyncio.sleep(0)


def let_in_no_more(listening: socket.socket) -> None:
    """Make the kernel overlook who wants to connect; who is connected already is not concerned.

    Else someone always comes between our last look and the end, and is cut off. Who is overlooked
    asks again a second later, and is refused.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in NO_MORE))
    described = struct.pack("HP", len(NO_MORE), ctypes.addressof(program))
    listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)


async def idle(_: Server) -> None:
    """Take no commands: signals are enough where nothing is handed over."""
