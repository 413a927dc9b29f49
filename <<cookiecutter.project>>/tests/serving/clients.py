"""One client of a running service, over a connection that is kept."""

import json
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.serving.bundles import SECONDS

KIND = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    status: int
    said: Any  # JSON where it is some
    headers: dict[str, str]  # by names in small letters


class Client:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.connection = HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)

    def get(self, path: str) -> Answer:
        return self.send("GET", path, None)

    def predict(self, rows: Any, **headers: str) -> Answer:
        return self.post("/predict", {"rows": rows}, **headers)

    def post(self, path: str, said: Any, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", path, json.dumps(said).encode(), KIND | named)

    def send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str] | None = None
    ) -> Answer:
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        said = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        known = json.loads(said) if said.startswith(b"{") else said
        return Answer(response.status, known, found)

    def close(self) -> None:
        self.connection.close()
