"""What costs something is limited before it costs: bytes, rows, requests, and who asks."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from serving import release, settings, start
from serving.service import Service
from tests.serving import bundles

JSON = (b"content-type", b"application/json")


@pytest.fixture
def made(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., "Asked"]:
    """A service in this process, whose settings are changed."""

    def make(changes: Mapping[str, str] | None = None, *, draining: bool = False) -> Asked:
        folder = bundles.copy_of(bundle, tmp_path / "bundle")
        for old, new in (changes or {}).items():
            bundles.change(folder, old, new)
        monkeypatch.chdir(folder)
        held = release.read(Path())
        return Asked(*start.service(held, settings.read("dev"), "dev", 1, None, lambda: draining))

    return make


class Asked:
    """It is asked as a server would ask it."""

    def __init__(self, service: Service, known: list[dict[str, Any]]) -> None:
        self.service = service
        self.app = start.app(service, known)
        self.row: dict[str, Any] = known[0]["row"]
        self.body = json.dumps({"rows": [self.row]}).encode()
        self.read = 0  # parts of bodies that it has asked for

    async def post(
        self,
        *parts: bytes,
        path: str = "/predict",
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> tuple[int, Any, dict[bytes, bytes]]:
        messages: list[Message] = []
        waiting = list(parts)

        async def receive() -> Message:
            await asyncio.sleep(0)
            self.read += 1
            if not waiting:
                return {"type": "http.disconnect"}
            part = waiting.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(waiting)}

        async def send(message: Message) -> None:
            messages.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [JSON, *(headers or [])],
        }
        await self.app(scope, receive, send)
        if not messages:
            return 0, None, {}
        return messages[0]["status"], json.loads(messages[1]["body"]), dict(messages[0]["headers"])

    def ask(self, *parts: bytes, **more: Any) -> tuple[int, Any, dict[bytes, bytes]]:
        return asyncio.run(self.post(*(parts or (self.body,)), **more))


Made = Callable[..., Asked]


def test_a_body_that_says_it_is_too_long_is_not_read(made: Made) -> None:
    asked = made({"request_kb = 1024": "request_kb = 1"})

    status, said, _ = asked.ask(headers=[(b"content-length", b"1025")])

    assert status == 413
    assert said["errors"][0]["rule"] == "at most 1024 bytes; send the rows in several requests"
    assert asked.read == 0
    assert asked.ask(headers=[(b"content-length", b"1024")])[0] == 200


def test_a_body_that_proves_too_long_is_cut(made: Made) -> None:
    asked = made({"request_kb = 1024": "request_kb = 1"})

    assert asked.ask(*[b" " * 400] * 100)[0] == 413
    assert asked.read == 3
    assert asked.ask(b" " * 1025)[0] == 413
    assert asked.ask(asked.body[:100], asked.body[100:])[0] == 200


def test_rows_are_limited(made: Made) -> None:
    asked = made({"rows = 10000": "rows = 2"})
    rows = [asked.row | {"id": str(place)} for place in range(3)]

    assert asked.ask(json.dumps({"rows": rows[:2]}).encode())[0] == 200
    assert asked.ask(json.dumps({"rows": rows}).encode())[0] == 413


def test_requests_at_one_time_are_limited(made: Made) -> None:
    asked = made({"concurrent = 256": "concurrent = 3"})

    async def story() -> list[tuple[int, Any, dict[bytes, bytes]]]:
        return await asyncio.gather(*(asked.post(asked.body) for _ in range(5)))

    found = asyncio.run(story())

    assert sorted(status for status, _, _ in found) == [200, 200, 200, 429, 429]
    assert [headers[b"retry-after"] for status, _, headers in found if status == 429] == [b"1"] * 2
    assert asked.app.posts.under_way == 0
    assert asked.ask()[0] == 200


def test_rows_that_wait_are_limited(made: Made) -> None:
    asked = made()
    asked.service.batcher.waiting = 10**6

    status, _, headers = asked.ask()

    assert status == 503
    assert headers[b"retry-after"] == b"1"


def test_a_client_that_leaves_gets_no_answer_and_holds_no_place(made: Made) -> None:
    asked = made()

    async def leave() -> tuple[int, Any, dict[bytes, bytes]]:
        return await asked.post()

    assert asyncio.run(leave())[0] == 0
    assert asked.app.posts.under_way == 0


@pytest.mark.parametrize(("error", "status"), [(MemoryError, 503), (ZeroDivisionError, 500)])
def test_a_fault_is_an_answer_and_its_words_are_not_told(
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: type[Exception],
    status: int,
) -> None:
    asked = made()

    def fail(kind: str, body: bytes) -> None:
        raise error("XSECRETX")

    monkeypatch.setattr(asked.service.reader, "read", fail)
    got, said, _ = asked.ask()

    assert got == status
    assert "XSECRETX" not in f"{said}{capsys.readouterr()}"
    assert asked.app.posts.under_way == 0


@pytest.fixture
def keyed(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    path = tmp_path / "keys"
    path.write_text(f"one {hashlib.sha256(b'right').hexdigest()}\n")
    monkeypatch.setenv("API_KEYS_FILE", str(path))
    return made()


@pytest.mark.parametrize("path", ["/predict", "/invocations", "/explain", "/feedback"])
def test_without_a_key_nothing_is_read(keyed: Asked, path: str) -> None:
    for headers in ([], [(b"x-api-key", b"wrong")], [(b"authorization", b"Bearer wrong")]):
        status, said, answered = keyed.ask(path=path, headers=headers)
        assert status == 401
        assert answered[b"www-authenticate"] == b"Bearer"
        assert said["errors"]
    assert keyed.read == 0


def test_with_a_key_all_is_as_without_keys(keyed: Asked) -> None:
    assert keyed.ask(headers=[(b"x-api-key", b"right")])[0] == 200
    assert keyed.ask(headers=[(b"authorization", b"Bearer right")])[0] == 200


def test_who_drains_tells_clients_to_connect_anew(made: Made) -> None:
    status, _, headers = made(draining=True).ask()

    assert status == 200
    assert headers[b"connection"] == b"close"
