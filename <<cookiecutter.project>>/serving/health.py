"""Is the service of this container ready? Exit code 0 if it is. The image asks this by itself.

python -m serving.health
"""

import socket
import sys

ADDRESS = ("127.0.0.1", 8000)  # as serving/Dockerfile lets it listen
SECONDS = 4  # less than the engine waits, so that the answer is ours
ASK = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
READY = b"HTTP/1.1 200 "


def ready(address: tuple[str, int] = ADDRESS) -> bool:
    """Without a library for HTTP, which takes longer to load than the answer to come."""
    try:
        with socket.create_connection(address, SECONDS) as connection:
            connection.sendall(ASK)
            said = b""
            while len(said) < len(READY) and (part := connection.recv(len(READY) - len(said))):
                said += part
    except OSError:
        return False
    return said == READY


if __name__ == "__main__":
    sys.exit(not ready())
