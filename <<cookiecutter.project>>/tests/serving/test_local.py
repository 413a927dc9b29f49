"""The working copy is served as a release is, and anew after a change."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gitops.settings import Refused
from gitops.targets.client import ask
from pipeline import files
from tests.serving import bundles


@pytest.fixture
def folder(bundle: Path, tmp_path: Path) -> Path:
    """A working copy: no manifest says what it holds."""
    folder = bundles.copy_of(bundle, tmp_path / "copy")
    (folder / "release.json").unlink()
    return folder


@pytest.fixture
def url(folder: Path, tmp_path: Path) -> Iterator[str]:
    port = bundles.free_port()
    with (tmp_path / "log").open("w") as log:
        local = subprocess.Popen(
            [sys.executable, "-B", "-m", "serving.local", "--port", str(port)],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    yield f"http://127.0.0.1:{port}"
    local.send_signal(signal.SIGTERM)
    assert local.wait(bundles.SECONDS) == 0


def decision(url: str, row: object) -> bool | None:
    """What it answers; nothing while none serves."""
    try:
        said: bool = ask(url, "/predict", {"rows": [row]}, seconds=5)["decisions"][0]
        return said
    except Refused:
        return None


def served(url: str, row: object, right: bool) -> bool:
    return decision(url, row) is right


def test_a_change_is_served(url: str, folder: Path) -> None:
    row = bundles.examples(folder)[0]["row"]
    path = folder / files.DECISION
    for changed, right in ((0.0, True), (1.0, False)):
        path.write_text(f'{{"target": "late", "objective": "binary", "threshold": {changed}}}')
        bundles.until(partial(served, url, row, right))
    assert ask(url, "/release", seconds=5)["tree"] == "working copy"


def test_a_change_that_breaks_it_is_told_and_the_next_one_mends_it(
    url: str, folder: Path, tmp_path: Path
) -> None:
    row = bundles.examples(folder)[0]["row"]
    bundles.until(lambda: decision(url, row) is not None)
    path = folder / "pipeline/features.py"
    text = path.read_text()
    path.write_text(text.replace("2013.0 - built", "built"))
    bundles.until(lambda: "answers are not those of the evaluation" in read(tmp_path / "log"))
    path.write_text(text)
    bundles.until(lambda: decision(url, row) is not None)


def read(log: Path) -> str:
    return log.read_text()


def test_without_a_model_it_says_what_makes_one(folder: Path) -> None:
    shutil.rmtree(folder / "models")

    done = subprocess.run(
        [sys.executable, "-B", "-m", "serving.local"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=bundles.SECONDS,
    )

    assert done.returncode == 1
    assert "serving.local: error: models/model.onnx: not there; `make reproduce`" in done.stderr
