"""Serve the release of this folder:

    python -m serving --environment dev --number 7 --control 3 --state DIR
    python -m serving --environment dev --number 7 --listen 127.0.0.1:8000

`--control` is an inherited listening socket; the public address comes over it (control.py).
`--listen` is an address of our own. `--state` is where predictions are kept; without it none are.
"""

import argparse
import asyncio
import gc
import os
import resource
import socket
from functools import partial
from pathlib import Path

from pipeline import stage
from pipeline.stage import StageError
from serving import events, memory, release, settings
from serving.settings import Settings

YOUNG = 50_000  # objects until the next look for garbage: those of a thousand rows are no reason
LATER = (
    0.1  # seconds from the start until a database's library is loaded, who asks first comes first
)
SPARE = 100  # descriptors beside those of connections and the spool: files, sockets, the database
# Not closed before the process ends: who sees it closed reads what we have said last.
HELD: list[socket.socket] = []
PER_REQUEST = 4  # connections for each request at one time: most are idle, and cost little


def main() -> None:
    gc.disable()  # until all is loaded: it would look through what comes, and find no garbage
    # Given a width, it loads nothing that asks for the terminal's.
    form = partial(argparse.HelpFormatter, width=80)
    parser = argparse.ArgumentParser("python -m serving", None, __doc__, formatter_class=form)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--number", type=int, required=True, help="of the deployment")
    parser.add_argument("--state", type=Path, help="a folder that outlives the process")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--control", type=int, help="a listening socket")
    where.add_argument("--listen", metavar="HOST:PORT")
    given = parser.parse_args()
    if given.control is not None:
        os.set_inheritable(given.control, False)
    found = settings.read(given.environment)
    memory.one_heap()
    limit(found)
    listener = bound(given.listen) if given.control is None else socket.socket(fileno=given.control)
    HELD.append(listener)
    serve(given, found, listener)


def limit(found: Settings) -> None:
    """Allocations beyond fail in this process, instead of pressing on the whole machine."""
    cap(resource.RLIMIT_DATA, found.limits.memory_mb * 1024**2)
    # A segment of the spool has a megabyte, and a descriptor as long as it is mapped.
    connections = found.limits.concurrent * PER_REQUEST
    cap(resource.RLIMIT_NOFILE, connections + found.log.spool_mb + SPARE)


def cap(what: int, wanted: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(what, (wanted, hard))


def bound(address: str) -> socket.socket:
    """A socket on that address; it listens when there is something to answer.

    Raises:
        StageError: it can't be had.
    """
    host, _, port = address.rpartition(":")
    try:
        # As bytes: it looks for no letters of other alphabets, and loads no tables of them.
        name = host.strip("[]").encode()
        family = socket.getaddrinfo(name, int(port), type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host.strip("[]"), int(port)))
    except (OSError, ValueError, OverflowError) as error:
        raise StageError(f"--listen {address}: can't be listened on: {error}") from None
    return found


def serve(given: argparse.Namespace, found: Settings, listener: socket.socket) -> None:
    held = release.read(Path())
    # Only now, checked and under the limit: the libraries take most of the start.
    import uvloop

    from serving import control, start
    from serving.server import Server, idle

    events.set_up()
    server: Server
    service, known = start.service(
        held,
        found,
        given.environment,
        given.number,
        given.state,
        lambda: server.draining,
    )
    alone = given.control is None
    private = listener if alone else socket.create_server(("127.0.0.1", 0))
    host, port = private.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    limits = found.limits
    server = Server(
        start.app(service, known),
        limits.drain_seconds,
        idle if alone else partial(control.obey, listener, url),
        seconds=limits.seconds,
        connections=limits.concurrent * PER_REQUEST,
        alone=alone,
    )
    told = {"environment": given.environment, "number": given.number, "url": url}
    # What is here stays: it is not looked through again and again for what is garbage.
    gc.freeze()
    gc.set_threshold(YOUNG)
    gc.enable()
    memory.loaded()
    events.say("ready", release=held.tree, **told)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().call_later(LATER, service.log.start)
        runner.run(server.serve(sockets=[private]))
        service.log.close(limits.drain_seconds / 2)
        # All is answered and said. Taking the libraries down takes a while, in which who waits
        # for our end would be told, by the sockets, that it has come.
        os._exit(0)


if __name__ == "__main__":
    stage.run("serving", main)
