"""Real services, replaced under real clients: no request fails, whatever happens to whom."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gitops.settings import Refused
from gitops.targets import worker
from gitops.targets.process import Process
from gitops.targets.worker import Worker
from gitops.verify import verify
from pipeline import files
from tests.projects import ROOT
from tests.serving import bundles
from tests.serving.load import Load

FIRST, SECOND = "a" * 40, "b" * 40


@pytest.fixture
def home(tmp_path: Path, interpreters: Path) -> Path:
    # Longer than the path of a socket may be.
    home = tmp_path / ("x" * 100) / "origin.forge"
    home.mkdir(parents=True)
    (home / "interpreters").symlink_to(interpreters)
    return home


@pytest.fixture
def target(home: Path) -> Iterator[Process]:
    target = Process(home, bundles.environment())
    yield target
    target.stop()


@pytest.fixture
def second(bundle: Path, tmp_path: Path) -> Path:
    return bundles.copy_of(bundle, tmp_path / "second", SECOND)


@pytest.fixture
def row(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = bundles.examples(bundle)[0]["row"]
    return found


def deploy(target: Process, number: int, bundle: Path) -> None:
    """As gitops.deploy does it."""
    tree = json.loads((bundle / "release.json").read_text())["tree"]
    url = target.start(number, bundle)
    try:
        verify(url, tree, bundle)
        target.switch(number)
    except BaseException:
        target.discard(number)
        raise


def number(target: Process) -> int | None:
    running = target.running()
    return running.number if running else None


def only(target: Process, number: int) -> Worker:
    """The one process that is left, once those that drain have ended."""
    bundles.until(lambda: [n for n in target.numbers() if alive(target, n)] == [number])
    (found,) = target.workers(number)
    return found


def alive(target: Process, number: int) -> bool:
    return any(worker.lives for worker in target.workers(number))


def test_nothing_runs_at_first(target: Process) -> None:
    assert target.running() is None
    target.stop()
    assert not target.folder.exists()


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


def test_a_deployment_answers_at_the_public_address(target: Process, bundle: Path) -> None:
    url = target.start(1, bundle)
    assert target.running() is None
    private = target.running(url)

    target.switch(1)

    running = target.running()
    assert running == private
    assert running
    assert (running.tree, running.environment, running.number) == (FIRST, "dev", 1)
    assert running.model_sha256 == bundles.digest(bundle / files.ONNX)
    assert running.files == json.loads((bundle / "release.json").read_text())["files"]


def test_a_replacement_under_constant_requests_fails_none(
    target: Process, bundle: Path, second: Path, row: dict[str, Any]
) -> None:
    deploy(target, 1, bundle)
    load = Load(target.url, row)

    with load.constant():
        for number_, files_ in ((2, bundle), (3, second)):
            deploy(target, number_, files_)
            load.go_on()
        only(target, 3)

    assert load.failures == []
    assert (load.releases[0], load.releases[-1]) == (FIRST, SECOND)


def tampered(bundle: Path) -> None:
    path = bundle / files.ONNX
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def mistaken(bundle: Path) -> None:
    """A service whose features are others than those of the training."""
    path = bundle / "pipeline/features.py"
    path.write_text(path.read_text().replace("2013.0 - built", "built"))


def speechless(bundle: Path) -> None:
    (bundle / "serving/app.py").write_text("1 / 0\n")


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (tampered, r"models/model\.onnx: not the file of this release"),
        (mistaken, r"row \d+ of reports/examples\.json differs by 0\.\d+"),
        (speechless, "ZeroDivisionError"),
    ],
)
def test_a_broken_release_never_takes_over_and_no_request_fails(
    target: Process, bundle: Path, second: Path, row: dict[str, Any], breaking: Any, message: str
) -> None:
    deploy(target, 1, bundle)
    load = Load(target.url, row)
    breaking(second)

    with load.constant():
        with pytest.raises(Refused, match=message):
            deploy(target, 2, second)
        load.go_on()

    assert load.failures == []
    assert set(load.releases) == {FIRST}
    assert not alive(target, 2)
    assert number(target) == 1


def test_the_log_of_a_release_that_does_not_come_up_says_why(target: Process, second: Path) -> None:
    tampered(second)

    with pytest.raises(Refused, match="the service does not come up: it ended: serving: error"):
        target.start(1, second)

    assert "models/model.onnx: not the file" in target.log(1).read_text()


def test_one_that_is_not_ready_in_time_is_ended(home: Path, second: Path) -> None:
    (second / "serving/release.py").write_text("import time\ntime.sleep(600)\n")
    target = Process(home, bundles.environment(limits={"start_seconds": 1.0}))

    with pytest.raises(Refused, match=r"it is not ready after 1 s, its limit start_seconds"):
        target.start(1, second)

    assert not alive(target, 1)


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


def test_the_former_answers_what_is_under_way_and_ends(
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

    assert answer.startswith(b"HTTP/1.1 200")
    assert FIRST.encode() in answer
    assert b"connection: close" in answer.lower()
    assert FIRST.encode() in late
    assert b"connection: close" in late.lower()
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


def test_a_late_worker_changes_nothing(target: Process, bundle: Path, second: Path) -> None:
    target.start(1, bundle)
    target.start(2, second)
    late = Process(target.home, target.environment)
    target.switch(2)

    for step in (lambda: late.switch(1), lambda: late.start(1, bundle)):
        with pytest.raises(Refused, match="dev: deployment 1 is superseded by 2"):
            step()
    late.discard(1)

    assert number(target) == 2
    only(target, 2)


def test_everything_can_be_said_twice(target: Process, bundle: Path, second: Path) -> None:
    assert target.start(1, bundle) == target.start(1, bundle)
    target.switch(1)
    target.switch(1)
    process = only(target, 1).state().pid
    deploy(target, 1, bundle)
    assert only(target, 1).state().pid == process

    target.start(2, second)
    target.discard(2)
    target.discard(2)
    assert number(target) == 1
    target.discard(1)
    assert number(target) == 1
    target.stop()
    target.stop()
    assert number(target) is None
    assert target.current() is None


def test_what_was_not_started_is_not_switched_in(target: Process, bundle: Path) -> None:
    deploy(target, 1, bundle)

    with pytest.raises(Refused, match="dev: deployment 2 is not up"):
        target.switch(2)

    assert number(target) == 1


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


def test_an_interrupted_switch_is_finished(target: Process, bundle: Path, second: Path) -> None:
    deploy(target, 1, bundle)
    target.start(2, second)
    (new,) = target.workers(2)
    (old,) = target.workers(1)
    public = old.give()
    assert public
    with public:
        new.listen(public)  # and here the deployer was killed
    assert old.public
    assert new.public

    deploy(target, 2, second)

    assert number(target) == 2
    only(target, 2)


def test_what_a_killed_deployer_left_behind_is_ended(
    target: Process, bundle: Path, second: Path
) -> None:
    deploy(target, 1, bundle)
    target.start(2, second)  # and here the deployer was killed

    target.start(3, second)

    bundles.until(lambda: not alive(target, 2))
    assert number(target) == 1


def test_a_deployer_killed_at_any_instant_leaves_what_the_next_one_finishes(
    target: Process, bundle: Path, second: Path, row: dict[str, Any]
) -> None:
    deploy(target, 1, bundle)
    load = Load(target.url, row)
    code = (
        "import sys; from pathlib import Path; from gitops import environment\n"
        "from gitops.targets.process import Process\n"
        "_, home, address, number, bundle = sys.argv\n"
        "dev = environment.read()['dev'].model_copy(update={'address': address})\n"
        "target = Process(Path(home), dev)\n"
        "target.start(int(number), Path(bundle)); target.switch(int(number))\n"
    )
    given = [str(target.home), target.environment.address]
    with load.constant():
        for number_ in range(2, 5):
            words = [sys.executable, "-B", "-c", code, *given, str(number_), str(second)]
            deployer = subprocess.Popen(words, cwd=ROOT, start_new_session=True)
            time.sleep(number_ * 0.25)  # about the start, its end, and the switch
            deployer.kill()
            deployer.wait(bundles.SECONDS)
            deploy(target, number_, second)
            assert number(target) == number_
            only(target, number_)

    assert load.failures == []


def test_two_deployers_at_once_end_with_the_newer(
    target: Process, bundle: Path, second: Path, row: dict[str, Any]
) -> None:
    deploy(target, 1, bundle)
    load = Load(target.url, row)
    refusals: list[str] = []

    def deployer(number: int) -> None:
        try:
            deploy(Process(target.home, target.environment), number, second)
        except Refused as refusal:
            refusals.append(str(refusal))

    with load.constant():
        threads = [threading.Thread(target=deployer, args=(number,)) for number in (2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(bundles.SECONDS)
        only(target, 3)

    assert load.failures == []
    # The older one may have been in time, may be late, or is ended while it is verified.
    assert len(refusals) <= 1
    assert number(target) == 3


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


def test_the_logs_of_the_last_deployments_are_kept(target: Process, bundle: Path) -> None:
    for number_ in range(1, 9):
        target.place(number_).mkdir(parents=True)
    deploy(target, 9, bundle)

    assert target.numbers() == [4, 5, 6, 7, 8, 9]


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
