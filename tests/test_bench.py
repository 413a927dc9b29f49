"""The peer of the bench delivers what is merged, and what it leaves unanswered is counted."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from baking import ROOT
from bench import compose
from gitops import environment
from gitops.target import Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """Return a folder for commands, which are all that is found."""
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("scripts", "found"),
    [
        ({}, None),
        ({"docker": "exit 1"}, None),  # a docker command without its plugin
        ({"docker": "exit 1", "docker-compose": "exit 0"}, ("docker-compose",)),
        ({"docker": "exit 0", "docker-compose": "exit 0"}, ("docker", "compose")),
    ],
)
def test_whichever_compose_is_there_is_taken(
    commands: Path,
    monkeypatch: pytest.MonkeyPatch,
    scripts: dict[str, str],
    found: tuple[str, ...] | None,
) -> None:
    for name, script in scripts.items():
        put(commands, name, script)
    monkeypatch.setenv("PATH", str(commands))
    assert compose.command() == found


def test_what_is_merged_is_what_compose_is_told(
    tmp_path: Path, commands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "said"
    put(commands, "docker-compose", f"cat .env >> {said}; echo $* >> {said}")
    where = environment.read(ROOT / "<<cookiecutter.project>>/environments")["prod"]
    peer = compose.Compose(tmp_path, [str(commands / "docker-compose")], where, "caddy:1", 8080)
    monkeypatch.setattr(
        compose, "told", lambda _, **__: Running("a" * 40, "prod", len(images), "", {})
    )
    images: list[str] = []
    for image in ("one@sha256:1", "two@sha256:2"):
        images.append(image)
        peer.merged(image, len(images))
    up = f"--project-name {peer.name} up --detach"
    first, second = "IMAGE=one@sha256:1\nNUMBER=1", "IMAGE=two@sha256:2\nNUMBER=2"
    assert said.read_text() == f"{first}\n{up}\n{second}\n{up}\n"
    declared = json.loads((peer.host / "docker-compose.yml").read_text())["services"]
    assert declared["service"]["mem_limit"] == f"{where.limits.memory_mb}m"
    assert all(one["cap_drop"] == ["ALL"] and one["read_only"] for one in declared.values())


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Return a server that answers every second question."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked += 1  # type: ignore[attr-defined]
            self.send_response(200 if self.server.asked % 2 else 503)  # type: ignore[attr-defined]
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
            if self.server.asked == 4:  # type: ignore[attr-defined]
                self.server.enough.set()  # type: ignore[attr-defined]

        def log_message(self, *_: object) -> None:
            pass

    found = HTTPServer(("127.0.0.1", 0), Answer)
    found.asked, found.enough = 0, threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def test_what_is_not_answered_is_counted(server: HTTPServer) -> None:
    with compose.Watch(f"http://127.0.0.1:{server.server_port}") as watch:
        assert server.enough.wait(30)  # type: ignore[attr-defined]
    assert watch.asked >= 4
    assert watch.failed == watch.asked // 2
    assert watch.longest > 0
