"""Serve the release of this folder:

    python -m serving --environment dev --number 7 --control 3

`--control` is an inherited listening socket; the public address comes over it (control.py).
"""

import argparse
import asyncio
import os
import resource
import socket
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

# One row wakes no second thread; asked for before polars is loaded, which starts them.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

from pipeline import stage
from serving import release, settings
from serving.settings import Limits


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--number", type=int, required=True, help="of the deployment")
    parser.add_argument("--control", type=int, required=True, help="a listening socket")
    given = parser.parse_args()
    os.set_inheritable(given.control, False)
    limits = settings.read(given.environment)
    limit_memory(limits.memory_mb)
    listener = socket.socket(fileno=given.control)
    asyncio.run(serve(given.environment, given.number, limits, listener))


def limit_memory(megabytes: int) -> None:
    """Allocations beyond fail in this process, instead of pressing on the whole machine."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes * 1024**2
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


async def serve(environment: str, number: int, limits: Limits, listener: socket.socket) -> None:
    held = release.read(Path())
    # Only now, checked and under the limit: the libraries take most of a second.
    from serving import model
    from serving.app import Service
    from serving.contract import Contract
    from serving.control import obey
    from serving.server import Server

    private = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{private.getsockname()[1]}"
    server: Server
    service = Service(
        release=held,
        predictor=model.load(held),
        contract=Contract(),
        environment=environment,
        number=number,
        started=datetime.now(UTC),
        limit=limits.request_kb * 1024,
        draining=lambda: server.draining,
    )
    server = Server(service.app(), limits.drain_seconds, partial(obey, listener, url))
    print(f"{environment} {number}: release {held.tree[:12]} ready at {url}", flush=True)
    await server.serve(sockets=[private])
    # All is answered and said. Taking the libraries down takes half a second, in which who waits
    # for our end would be told, by the sockets, that it has come.
    os._exit(0)


if __name__ == "__main__":
    stage.run("serving", main)
