"""Questions to a service over HTTP: directly, whatever proxies the environment names."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from gitops.settings import Refused
from gitops.target import Running


class Silent(Refused):
    """Nothing answers there."""


def ask(url: str, path: str, body: object = None, *, seconds: float) -> Any:
    """The JSON that the service answers; a body is sent as JSON.

    Raises:
        Silent: no answer.
        Refused: an answer of another kind.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        if body is None:
            connection.request("GET", path)
        else:
            content = json.dumps(body).encode()
            connection.request("POST", path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        said = response.read()
    except (OSError, HTTPException) as error:
        raise Silent(f"{url}{path}: no answer ({str(error) or type(error).__name__})") from None
    finally:
        connection.close()
    if response.status != 200:
        raise Refused(
            f"{url}{path}: answers {response.status}: {said[:500].decode(errors='replace')}"
        )
    try:
        return json.loads(said)
    except ValueError:
        raise Refused(f"{url}{path}: its answer is not JSON") from None


def told(url: str, *, seconds: float) -> Running | None:
    """What a service says that it is; None where none answers."""
    try:
        said = ask(url, "/release?prove", seconds=seconds)
        names = ("tree", "environment", "number", "model_sha256", "files")
        return Running(*(said[name] for name in names))
    except (Refused, KeyError, TypeError):
        return None
