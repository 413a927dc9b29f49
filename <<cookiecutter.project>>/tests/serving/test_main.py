"""`python -m serving` starts in the folder of a release, or says in one line why not."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import files
from tests.serving import bundles


def refused(folder: Path, *words: str) -> str:
    """What it says when it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as control:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "serving", *words, "--control", str(control.fileno())],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=bundles.SECONDS,
            pass_fds=[control.fileno()],
        )
    assert done.returncode
    assert done.stdout == ""
    return done.stderr


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


@pytest.mark.parametrize("words", [[], ["--environment", "dev"], ["--number", "x"]])
def test_what_is_not_said_is_asked_for(folder: Path, words: list[str]) -> None:
    assert "usage: python -m serving" in refused(folder, *words)
