"""A process is found by its socket, and ended whatever state it is in."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.settings import Refused
from gitops.targets import worker
from gitops.targets.worker import Gone, Hung, Worker
from tests.serving.bundles import until

# Answers every word with its state; `give` comes with a socket, `drain` ends it.
PUPPET = """
import json, os, socket, sys
listener = socket.socket(fileno=int(sys.argv[-1]))
while True:
    connection, _ = listener.accept()
    word = connection.recv(100)
    if not word:
        continue
    state = {"pid": os.getpid(), "url": "", "folder": os.getcwd(), "public": False}
    out = [listener.fileno()] if word == b"give" else []
    socket.send_fds(connection, [json.dumps(state).encode()], out)
    if word == b"drain":
        sys.exit()
"""
SILENT = "import signal; signal.pause()"
DEAD = "import sys; sys.exit('no reason')"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Worker]:
    # Longer than the path of a socket may be.
    one = Worker(tmp_path / ("x" * 120) / "7", 0)
    yield one
    if one.lives:
        one.kill()


def spawn(one: Worker, code: str) -> None:
    one.spawn([sys.executable, "-c", code], Path("/"), one.folder / "log")


def test_it_is_asked_as_soon_as_it_is_started(one: Worker) -> None:
    assert not one.lives

    spawn(one, PUPPET)

    assert one.lives
    state = one.state(30)
    assert (state.pid, state.folder) == (int(one.pid.read_text()), "/")


def test_it_has_a_session_of_its_own_and_nothing_to_read(one: Worker) -> None:
    spawn(one, PUPPET)
    pid = one.state(30).pid

    assert os.getsid(pid) == pid != os.getsid(0)


def test_it_hands_out_its_socket(one: Worker) -> None:
    spawn(one, PUPPET)
    one.state(30)

    given = one.give()

    assert given
    with given:
        assert given.family == socket.AF_UNIX
        assert not given.get_inheritable()


def test_one_that_ends_at_once_is_gone_and_its_log_says_why(one: Worker) -> None:
    spawn(one, DEAD)

    with pytest.raises(Gone):
        one.state(30)
    until(lambda: "no reason" in (one.folder / "log").read_text())
    assert not one.lives
    one.drain()
    one.wait(30)


def test_one_that_was_never_started_is_gone(one: Worker) -> None:
    with pytest.raises(Gone):
        one.state(30)
    one.drain()
    one.wait(30)
    assert not one.public


def test_one_that_says_nothing_hangs_and_can_be_ended(one: Worker) -> None:
    spawn(one, SILENT)

    with pytest.raises(Hung):
        one.state(0.1)
    assert one.lives
    one.wait(0.1)
    assert not one.lives


def test_draining_ends_one_that_hangs(one: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SECONDS", 0.2)
    spawn(one, SILENT)

    one.drain()

    assert not one.lives


def test_a_stopped_one_is_ended(one: Worker) -> None:
    spawn(one, PUPPET)
    os.kill(one.state(30).pid, signal.SIGSTOP)

    one.kill()

    assert not one.lives


def test_a_number_of_a_process_is_only_used_while_it_lives(
    one: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn(one, PUPPET)
    one.drain()
    until(lambda: not one.lives)
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: killed.append(pid))

    one.drain()
    one.wait(30)

    assert killed == []


def test_one_whose_process_is_not_known_is_left_to_a_person(
    one: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn(one, SILENT)
    monkeypatch.setattr(worker, "SECONDS", 0.2)
    pid = one.pid.read_text()
    one.pid.write_text("")

    with pytest.raises(Refused, match=r"0\.control: its process can't be ended"):
        one.kill()

    one.pid.write_text(pid)


def test_it_can_be_started_again(one: Worker) -> None:
    spawn(one, PUPPET)
    first = one.state(30).pid
    one.kill()

    spawn(one, PUPPET)

    assert one.state(30).pid != first


def test_only_what_it_needs_of_our_environment_reaches_it(one: Worker) -> None:
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    spawn(one, code)
    until(lambda: not one.lives)

    names = json.loads((one.folder / "log").read_text()).keys() - {"LC_CTYPE"}  # Python's own
    assert names == {name for name in worker.KEPT if name in os.environ}
