"""A server whose public address comes and goes while it runs: uvicorn, with listeners at will."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from starlette.types import ASGIApp

# A connection without a request for so long is closed, as it always is by uvicorn; a draining
# process closes none sooner, for its client may be about to send.
IDLE_SECONDS = 5
BACKLOG = 2048  # connections that wait to be accepted: uvicorn's own number
TURNS = 10  # of the loop: three make an accepted connection one that is counted
PAUSE = 0.05  # seconds between two looks at who is still there


class Server(uvicorn.Server):
    """Serves on a private address, then also on a public one that it is handed."""

    def __init__(
        self, app: ASGIApp, drain_seconds: float, obey: Callable[["Server"], Awaitable[None]]
    ) -> None:
        idle = min(IDLE_SECONDS, max(1, int(drain_seconds / 2)))
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_level="error",
                access_log=False,
                ws="none",
                timeout_keep_alive=idle,
                backlog=BACKLOG,
                server_header=False,
            )
        )
        self.obey = obey
        self.drain_seconds = drain_seconds
        self.draining = False
        self.public: socket.socket | None = None

    async def main_loop(self) -> None:
        """Take commands as long as there is a process to take them, draining or not."""
        self.commands = asyncio.ensure_future(self.obey(self))
        await super().main_loop()

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
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for listening in server.sockets:
                loop.remove_reader(listening.fileno())
        # The kernel ends what has not ended by then, hung or not.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self.drain_seconds)
        print(f"draining: {len(self.server_state.connections)} connections", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        self.drain()
        # asyncio resets what it has accepted and not yet attached when its listener is closed.
        for _ in range(TURNS):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(PAUSE)
