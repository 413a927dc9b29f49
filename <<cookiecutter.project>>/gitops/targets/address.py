"""The public address of a target on this machine."""

import errno
import os
import socket
import time

from gitops.settings import Refused

BACKLOG = 2048  # connections that wait to be accepted; the service asks for as many
SECONDS = 1  # a process that was killed a moment ago closes its sockets one after another
PAUSE = 0.02


def bound(address: str, environment: str) -> socket.socket:
    """A new socket that listens there; connections wait in it until a service accepts them.

    Raises:
        Refused: somebody else holds it, or this machine has no such address.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            family = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((host, int(port)), family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(PAUSE)
                continue
            # A name that is not found has numbers of its own, and its own words.
            known = error.errno in errno.errorcode
            why = os.strerror(error.errno or 0) if known else str(error.strerror or error)
            raise Refused(
                f"{address}: can't be listened on ({why}); end what holds it, or give "
                f"{environment} another address in environments/{environment}.toml"
            ) from None
