"""Commands to a running service do what they say, and nonsense does nothing."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.targets.client import ask
from gitops.targets.worker import Worker
from tests.serving import bundles
from tests.serving.load import Load


@pytest.fixture
def service(bundle: Path, tmp_path: Path) -> Iterator[Worker]:
    service = bundles.served(bundle, tmp_path)
    service.state(bundles.SECONDS)
    yield service
    bundles.end(service)


@pytest.fixture(scope="module")
def shared(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A service for tests that leave it as it is."""
    service = bundles.served(bundle, tmp_path_factory.mktemp("service"))
    service.state(bundles.SECONDS)
    yield service
    bundles.end(service)


@pytest.fixture
def public() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as public:
        yield public


def url(public: socket.socket) -> str:
    return f"http://127.0.0.1:{public.getsockname()[1]}"


def number(where: str) -> int:
    found: int = ask(where, "/release", seconds=bundles.SECONDS)["number"]
    return found


def test_it_says_who_it_is(shared: Worker, bundle: Path) -> None:
    state = shared.state()

    assert state.pid == int(shared.pid.read_text())
    assert state.folder == str(bundle)
    assert not state.public
    assert number(state.url) == 1


def test_it_accepts_on_what_it_is_handed_and_hands_it_on(
    service: Worker, public: socket.socket
) -> None:
    assert service.give() is None

    service.listen(public)

    assert service.public
    assert number(url(public)) == number(service.state().url) == 1
    with socket.create_server(("127.0.0.1", 0)) as other:
        service.listen(other)  # it has one
    given = service.give()
    assert given
    with given:
        assert given.getsockname() == public.getsockname()
    assert number(url(public)) == 1


def test_draining_leaves_the_socket_open_for_others(service: Worker, public: socket.socket) -> None:
    service.listen(public)

    service.drain()

    with socket.create_connection(public.getsockname(), timeout=bundles.SECONDS):
        accepted, _ = public.accept()  # by us: it is nobody else's now
        accepted.close()
    service.wait(bundles.SECONDS)
    assert not service.lives


def test_nonsense_is_answered_by_how_it_is(shared: Worker) -> None:
    for word in (b"dance", b"listen", b"\xff\xfe", b"x" * 1000, b"\n"):
        with shared.talk(bundles.SECONDS) as connection:
            connection.sendall(word)
            assert b'"pid"' in connection.recv(1000), word
    assert not shared.public
    assert number(shared.state().url) == 1


def test_who_goes_away_is_forgotten(shared: Worker) -> None:
    for _ in range(20):
        with shared.talk(bundles.SECONDS) as connection:
            connection.sendall(b"status")

    assert number(shared.state().url) == 1


def test_a_signal_drains_as_the_command_does(
    service: Worker, bundle: Path, public: socket.socket
) -> None:
    service.listen(public)
    load = Load(url(public), bundles.examples(bundle)[0]["row"])
    other = bundles.served(bundle, service.folder.parent / "other")
    other.state(bundles.SECONDS)
    with load.constant():
        load.go_on()
        other.listen(public)
        os.kill(service.state().pid, signal.SIGTERM)
        bundles.until(lambda: not service.lives)
        load.go_on()
    bundles.end(other)

    assert load.failures == []
