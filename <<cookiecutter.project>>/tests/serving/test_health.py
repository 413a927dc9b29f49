"""The question that an image asks itself."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from serving.health import ready


@contextmanager
def answering(*parts: bytes) -> Iterator[tuple[str, int]]:
    """One connection is accepted, and told this once it has asked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                for part in parts:
                    connection.sendall(part)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()
        thread.join()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((b"HTTP/1.1 200 OK\r\n\r\n",), True),
        ((b"HTTP/1.1", b" 2", b"00 OK\r\n\r\n"), True),
        ((b"HTTP/1.1 503 Service Unavailable\r\n\r\n",), False),
        ((b"HTTP/1.1 20",), False),
        ((), False),
    ],
)
def test_what_it_is_told(parts: tuple[bytes, ...], *, expected: bool) -> None:
    with answering(*parts) as address:
        assert ready(address) is expected


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    assert ready(address) is False
