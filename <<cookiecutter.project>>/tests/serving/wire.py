"""A client of HTTP that sends the bytes it likes, and takes nothing but whole, right answers."""

import contextlib
import json
import re
import socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.serving.bundles import SECONDS

STATUS = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [A-Za-z -]+")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e]*)")
JSON = b"application/json"


class Reply(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def said(self) -> Any:
        assert self.headers[b"content-type"] == JSON, self
        return json.loads(self.body)


class Wire:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        address = parts.hostname or "", parts.port or 0
        self.connection = socket.create_connection(address, SECONDS)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = b""

    def send(self, said: bytes) -> None:
        """All of it, or as much as the other side takes: it may have answered, and left."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.sendall(said)

    def reply(self) -> Reply | None:
        """The next answer; None where the connection ends, but never in the middle of one."""
        while b"\r\n\r\n" not in self.held:
            if not (part := self.part()):
                assert not self.held, self.held[:200]
                return None
            self.held += part
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        status = STATUS.fullmatch(first)
        assert status, first
        pairs = [HEADER.fullmatch(line) for line in lines]
        headers = {found[1].lower(): found[2] for found in pairs if found}
        assert len(headers) == len(lines), head
        length = int(headers[b"content-length"])
        while len(self.held) < length:
            part = self.part()
            assert part, "the connection ended in an answer"
            self.held += part
        body, self.held = self.held[:length], self.held[length:]
        return Reply(int(status[1]), headers, body)

    def part(self) -> bytes:
        try:
            return self.connection.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            return b""

    def ended(self) -> bool:
        """Has the other side nothing more to say?"""
        return self.reply() is None

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def post(path: str, body: bytes, kind: bytes = JSON, *lines: bytes) -> bytes:
    """A question; the lines come among its headers."""
    head = [b"POST %b HTTP/1.1" % path.encode(), b"host: x", b"content-type: " + kind, *lines]
    return b"\r\n".join([*head, b"content-length: %d" % len(body), b"", body])


def chunked(path: str, chunks: list[bytes], *lines: bytes) -> bytes:
    """The same, in pieces of unsaid number."""
    head = [b"POST %b HTTP/1.1" % path.encode(), b"host: x", b"content-type: " + JSON, *lines]
    pieces = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b"")]
    return b"\r\n".join([*head, b"transfer-encoding: chunked", b"", b"".join(pieces)])
