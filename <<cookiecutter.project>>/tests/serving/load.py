"""Clients that ask without a pause: the ones that a replacement must not let down."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.serving.bundles import SECONDS, until

KIND = {"Content-Type": "application/json"}


class Load:
    """What constant clients saw: the releases that answered, in order, and every failure."""

    def __init__(self, url: str, row: dict[str, Any]) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port
        self.body = json.dumps({"rows": [row]})
        self.stopped = threading.Event()
        self.releases: list[str] = []
        self.failures: list[str] = []

    @contextlib.contextmanager
    def constant(self) -> Iterator[None]:
        """Ask over one connection that is kept, and over one anew each time."""
        threads = [threading.Thread(target=self.ask, args=(kept,)) for kept in (True, False)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopped.set()
            for thread in threads:
                thread.join(SECONDS)

    def go_on(self) -> None:
        """Wait for twenty more answers."""
        enough = len(self.releases) + 20
        until(lambda: len(self.releases) >= enough)

    def ask(self, kept: bool) -> None:
        connection = HTTPConnection(self.host, self.port, timeout=SECONDS)
        while not self.stopped.is_set():
            try:
                connection.request("POST", "/predict", self.body, KIND)
                response = connection.getresponse()
                said = json.loads(response.read())
                if response.status != 200:
                    raise ValueError(f"{response.status} {said}")
                self.releases.append(said["release"])
            except Exception as error:  # whatever it is, a client would have seen it
                self.failures.append(f"{'kept' if kept else 'fresh'}: {error!r}")
                connection.close()
            if not kept:
                connection.close()
        connection.close()
