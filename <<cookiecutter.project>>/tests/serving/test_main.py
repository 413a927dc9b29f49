"""`python -m serving` starts in the folder of a release, or says in one line why not."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import files
from tests.projects import ROOT
from tests.serving import bundles
from tests.serving.load import Load


def refused(folder: Path, *words: str, **env: str) -> str:
    """What it says when it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as control:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "serving", *words, "--control", str(control.fileno())],
            cwd=folder,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=bundles.SECONDS,
            pass_fds=[control.fileno()],
        )
    assert done.returncode
    assert done.stdout == ""
    return done.stderr


CROWDED = """
import os, sys
from pathlib import Path
import msgspec
from serving import settings
from serving.__main__ import PER_REQUEST, limit
from serving.predictions.segment import Segment
from serving.predictions.spool import SEGMENT_BYTES

found = settings.read("dev")
log = msgspec.structs.replace(found.log, spool_mb=128)
limit(msgspec.structs.replace(found, log=log))
connections = [os.dup(0) for _ in range(found.limits.concurrent * PER_REQUEST)]
segments = []
for number in range(log.spool_mb):
    segments.append(Segment.create(Path(sys.argv[1], str(number)), SEGMENT_BYTES))
    segments[-1].fold()
print(len(connections) + len(segments))
"""


@pytest.fixture
def folder(bundle: Path, tmp_path: Path) -> Path:
    return bundles.copy_of(bundle, tmp_path / "bundle")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / files.ONNX).write_bytes(b"x"),
            "models/model.onnx: not the file of this release",
        ),
        (lambda folder: (folder / "release.json").unlink(), "release.json: not there"),
        (
            lambda folder: bundles.change(folder, "memory_mb = 2048", "memory_mb = 1"),
            "environments/dev.toml: limits.memory_mb: ",
        ),
        (
            lambda folder: (folder / "environments/dev.toml").unlink(),
            "environments/dev.toml: not there",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(folder)

    said = refused(folder, "--environment", "dev", "--number", "1")

    assert said.startswith(f"serving: error: {message}")
    assert len(said.splitlines()) == 1


def mistaken(folder: Path) -> None:
    """Features that are others than those of the training."""
    path = folder / "pipeline/features.py"
    path.write_text(path.read_text().replace("2013.0 - built", "built"))


def test_a_model_that_answers_wrongly_never_serves(folder: Path) -> None:
    mistaken(folder)

    said = refused(folder, "--environment", "dev", "--number", "1")

    assert said.startswith("serving: error: answers are not those of the evaluation: row ")
    assert len(said.splitlines()) == 1


def test_keys_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("XSECRETX")
    words = ("--environment", "dev", "--number", "1")

    said = refused(folder, *words, API_KEYS_FILE=str(tmp_path / "keys"))

    assert "keys: line 1: must be a name" in said
    assert "XSECRETX" not in said
    assert len(said.splitlines()) == 1


def test_an_address_that_is_taken_is_one_clear_error(folder: Path) -> None:
    words = ["--environment", "dev", "--number", "1"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for wrong, why in ((f"127.0.0.1:{port}", "in use"), ("x", ""), ("127.0.0.1:70000", "")):
            done = subprocess.run(
                [sys.executable, "-B", "-m", "serving", *words, "--listen", wrong],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=bundles.SECONDS,
            )
            assert done.returncode == 1
            assert done.stderr.startswith(f"serving: error: --listen {wrong}: can't be listened on")
            assert why in done.stderr


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service at an address of its own, and its URL."""
    address = f"127.0.0.1:{bundles.free_port()}"
    words = ("--environment", "dev", "--number", "1", "--listen", address)
    service = subprocess.Popen(
        [sys.executable, "-B", "-m", "serving", *words, "--state", str(tmp_path / "state")],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert service.stdout
    assert json.loads(service.stdout.readline())["event"] == "ready"
    yield service, f"http://{address}"
    service.kill()
    service.wait(bundles.SECONDS)
    service.stdout.close()


def test_every_request_before_the_signal_is_answered(
    own: tuple[subprocess.Popen[str], str], bundle: Path
) -> None:
    service, url = own
    load = Load(url, bundles.examples(bundle)[0]["row"])
    with load.constant():
        load.go_on()
        service.send_signal(signal.SIGTERM)
        assert service.wait(bundles.SECONDS) == 0

    # Who comes when it is gone is told so at once; nobody is cut off.
    assert load.releases
    assert {name for name in load.failures if "ConnectionRefusedError" not in name} == set()


def test_the_private_state_is_nobody_else_s(
    own: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("words", [[], ["--environment", "dev"], ["--number", "x"]])
def test_what_is_not_said_is_asked_for(folder: Path, words: list[str]) -> None:
    assert "usage: python -m serving" in refused(folder, *words)


def test_with_all_its_connections_it_still_keeps_what_a_database_does_not_take(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-B", "-c", CROWDED, str(tmp_path)]
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=bundles.SECONDS
    )
    assert done.stdout == f"{1024 + 128}\n", done.stderr
