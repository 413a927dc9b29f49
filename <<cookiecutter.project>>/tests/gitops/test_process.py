"""Real services as processes of this machine: their limits, their ends, and their address."""

import json
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gitops.settings import Refused
from gitops.targets import worker
from gitops.targets.process import Process
from gitops.targets.worker import Worker
from tests.gitops import processes
from tests.gitops.deploying import FIRST, SECOND, deploy, number
from tests.serving import bundles


@pytest.fixture
def home(tmp_path: Path, interpreters: Path) -> Path:
    return processes.home(tmp_path, interpreters)


@pytest.fixture
def target(home: Path) -> Iterator[Process]:
    with processes.target(home) as found:
        yield found


@pytest.fixture
def second(bundle: Path, tmp_path: Path) -> Path:
    return bundles.copy_of(bundle, tmp_path / "second", SECOND)


def only(target: Process, number: int) -> Worker:
    """The one process that is left, once those that drain have ended."""
    bundles.until(lambda: processes.numbers(target) == [number])
    (found,) = target.workers(number)
    return found


def alive(target: Process, number: int) -> bool:
    return number in processes.numbers(target)


@pytest.fixture(scope="module")
def deployed(
    bundle: Path, interpreters: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A deployment for tests that only look; its deployer has secrets."""
    target = Process(interpreters.parent, bundles.environment())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GH_TOKEN", "not-for-a-service")
        patch.setenv("PYTHONPATH", "/nowhere")
        deploy(target, 1, bundle)
    yield target
    target.stop()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="asks the kernel of Linux")
def test_its_memory_is_limited(deployed: Process) -> None:
    limit, _ = resource.prlimit(only(deployed, 1).state().pid, resource.RLIMIT_DATA)

    assert limit == 2048 * 1024**2


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="Linux shows it there")
def test_no_secret_of_the_deployer_reaches_it(deployed: Process) -> None:
    environment = Path(f"/proc/{only(deployed, 1).state().pid}/environ").read_bytes()

    names = {entry.partition(b"=")[0].decode() for entry in environment.split(b"\0") if entry}
    assert "PATH" in names
    assert names <= set(worker.KEPT)


def test_others_have_no_way_to_its_commands(deployed: Process) -> None:
    assert deployed.place(1).stat().st_mode & 0o077 == 0


def test_nothing_is_written_among_the_files_of_a_release(deployed: Process, bundle: Path) -> None:
    assert only(deployed, 1).state().folder == str(bundle)
    assert list(bundle.rglob("__pycache__")) == []


def test_clients_reach_it_when_it_is_switched_in(target: Process, bundle: Path) -> None:
    private = target.running(target.start(1, bundle))
    assert target.running() is None

    target.switch(1)

    assert target.running() == private


def request_begun(target: Process, row: dict[str, Any]) -> tuple[socket.socket, bytes]:
    """A client that has sent half of its request, and the other half."""
    body = json.dumps({"rows": [row]}).encode()
    parts = urlsplit(target.url)
    client = socket.create_connection((parts.hostname, parts.port), timeout=bundles.SECONDS)
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    client.sendall(head + body[:100])
    return client, body[100:]


def said(client: socket.socket) -> bytes:
    """Everything until the service closes."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_who_has_asked_nothing_yet_is_answered_by_the_former(
    target: Process, bundle: Path, second: Path, row: dict[str, Any]
) -> None:
    deploy(target, 1, bundle)
    client, rest = request_begun(target, row)
    silent = socket.create_connection(client.getpeername(), timeout=bundles.SECONDS)
    # Accepted, which the answer to a later one shows.
    assert number(target) == 1

    (old,) = target.workers(1)
    private = old.state().url
    deploy(target, 2, second)
    # Now it has closed all that it closes by itself.
    bundles.until(lambda: target.running(private) is None)
    assert alive(target, 1)
    with client, silent:
        client.sendall(rest)
        answer = said(client)
        silent.sendall(b"GET /release HTTP/1.1\r\nHost: x\r\n\r\n")
        late = said(silent)

    for one in (answer, late):
        assert FIRST.encode() in one
        assert b"connection: close" in one.lower()
    only(target, 2)


def test_one_whose_requests_do_not_end_is_ended(
    target: Process, bundle: Path, second: Path, tmp_path: Path, row: dict[str, Any]
) -> None:
    first = bundles.copy_of(bundle, tmp_path / "first", FIRST)
    bundles.change(first, "drain_seconds = 10", "drain_seconds = 1")
    deploy(target, 1, first)
    client, _ = request_begun(target, row)
    assert number(target) == 1

    deploy(target, 2, second)

    with client:
        only(target, 2)


def test_a_draining_service_is_not_ready(
    target: Process, bundle: Path, second: Path, row: dict[str, Any]
) -> None:
    deploy(target, 1, bundle)
    parts = urlsplit(target.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=bundles.SECONDS) as client:
        assert number(target) == 1
        deploy(target, 2, second)
        client.sendall(b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n")

        assert said(client).startswith(b"HTTP/1.1 503")


def test_a_killed_service_comes_back(target: Process, bundle: Path) -> None:
    deploy(target, 1, bundle)
    os.kill(only(target, 1).state().pid, signal.SIGKILL)
    bundles.until(lambda: number(target) is None)

    deploy(target, 1, bundle)

    assert number(target) == 1


@pytest.mark.parametrize("next_", [1, 2])
def test_a_service_that_hangs_is_replaced(
    home: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, next_: int
) -> None:
    monkeypatch.setattr(worker, "SECONDS", 0.5)
    target = Process(home, bundles.environment(limits={"start_seconds": 5.0}))
    try:
        deploy(target, 1, bundle)
        os.kill(only(target, 1).state().pid, signal.SIGSTOP)

        deploy(target, next_, bundle)

        assert number(target) == next_
        only(target, next_)
    finally:
        target.stop()


def test_the_same_number_with_other_files_is_another_service(
    target: Process, bundle: Path, second: Path
) -> None:
    target.start(1, bundle)

    running = target.running(target.start(1, second))

    assert running
    assert running.tree == SECOND


def test_two_deployers_of_one_number_bring_up_one_service(target: Process, bundle: Path) -> None:
    threads = [threading.Thread(target=target.start, args=(1, bundle)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(bundles.SECONDS)

    target.switch(1)
    assert number(target) == 1
    assert target.log(1).read_text().count('"event": "ready"') == 1


def test_a_foreign_process_on_the_address_is_left_alone(target: Process, bundle: Path) -> None:
    parts = urlsplit(target.url)
    with socket.create_server((parts.hostname, parts.port)):
        target.start(1, bundle)
        with pytest.raises(Refused, match=rf"{target.environment.address}: can't be listened on"):
            target.switch(1)
    assert target.current() is None

    target.switch(1)
    assert number(target) == 1


def test_two_processes_share_the_address(home: Path, bundle: Path) -> None:
    target = Process(home, bundles.environment(workers=2))
    try:
        deploy(target, 1, bundle)
        first, second = target.workers(1)
        assert first.public
        assert second.public
        os.kill(first.state().pid, signal.SIGKILL)
        bundles.until(lambda: not first.lives)
        assert number(target) == 1
        deploy(target, 1, bundle)
        assert first.public
        deploy(target, 2, bundle)
        bundles.until(lambda: not alive(target, 1))
        assert [one.public for one in target.workers(2)] == [True, True]
    finally:
        target.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not count as Linux does")
def test_a_service_beyond_its_memory_does_not_come_up(target: Process, second: Path) -> None:
    bundles.change(second, "memory_mb = 2048", "memory_mb = 64")

    with pytest.raises(Refused, match="the service does not come up"):
        target.start(1, second)


def test_environments_do_not_meet(home: Path, bundle: Path, second: Path) -> None:
    dev, uat = (Process(home, bundles.environment(name=name)) for name in ("dev", "uat"))
    try:
        deploy(dev, 1, bundle)
        deploy(uat, 1, second)
        dev.stop()
        running = uat.running()
        assert running
        assert (running.environment, running.tree) == ("uat", SECOND)
    finally:
        dev.stop()
        uat.stop()
