"""Commands to a running service, each a word on a socket that its starter made.

    status   its process, private address and folder, whether it accepts on the public one
    listen   accept on the listening socket that comes with the word
    give     hand out that socket
    drain    accept nothing more, answer what is under way, end

Every answer is one line of JSON; the connection stays open until the process ends, so who asked
can wait for that.
"""

import asyncio
import contextlib
import json
import os
import socket
from pathlib import Path

from serving.server import Server

LONGEST = 100  # bytes: a word
RETRY_SECONDS = 0.1  # short beside the seconds that who asks is ready to wait


async def obey(listener: socket.socket, url: str, server: Server) -> None:
    """Answer everybody who connects."""
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    talks: set[asyncio.Task[None]] = set()
    while True:
        try:
            connection, _ = await loop.sock_accept(listener)
        except OSError:  # no descriptor is free for the moment
            await asyncio.sleep(RETRY_SECONDS)
            continue
        talk = loop.create_task(answer(connection, url, server))
        talks.add(talk)
        talk.add_done_callback(talks.discard)


async def answer(connection: socket.socket, url: str, server: Server) -> None:
    with connection, contextlib.suppress(OSError):  # who asked may be gone
        connection.setblocking(False)
        while True:
            await readable(connection)
            word, handed, _, _ = socket.recv_fds(connection, LONGEST, 1)
            if not word:
                return
            out = await do(
                word.decode(errors="replace").strip(), [public(one) for one in handed], server
            )
            reply = {
                "pid": os.getpid(),
                "url": url,
                "folder": str(Path.cwd()),
                "public": server.public is not None,
            }
            socket.send_fds(connection, [json.dumps(reply).encode() + b"\n"], out)


async def do(word: str, handed: list[socket.socket], server: Server) -> list[int]:
    """Do as the word says; the descriptors to hand out."""
    if word == "listen" and handed:
        await server.listen(handed[0])
    elif word == "give" and server.public is not None:
        return [server.public.fileno()]
    elif word == "drain":
        server.drain()
    return []


def public(descriptor: int) -> socket.socket:
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


async def readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connection, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection)
