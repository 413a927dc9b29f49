"""Releases in folders of their own, as a service runs them, and such services."""

import hashlib
import json
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitops.environment import Environment, read
from gitops.targets.worker import Worker
from pipeline import files
from serving import release
from tests.projects import ROOT, copy_project

SECONDS = 30  # until something must have happened; it mostly takes a tenth of one
OTHERS = (files.EXAMPLES, files.METRICS, files.STATISTICS, files.CARD)
CODE = ("pipeline", "serving", "environments", "requirements", "params.yaml", "pyproject.toml")


def bundle_of(trained: Path, folder: Path, tree: str = "a" * 40) -> Path:
    """The release of a project in which all stages have run."""
    folder.mkdir(parents=True)
    copy_project(folder, *CODE)
    shutil.copytree(trained / "models", folder / "models")
    (folder / files.REPORTS).mkdir()
    for path in OTHERS:
        shutil.copy(trained / path, folder / path)
    seal(folder, tree)
    return folder


def seal(folder: Path, tree: str) -> None:
    """Write the manifest of what lies there."""
    (folder / "release.json").write_text(
        json.dumps(release.manifest(folder, tree, files.ONNX, OTHERS))
    )


def copy_of(bundle: Path, folder: Path, tree: str = "b" * 40) -> Path:
    """The same files as another release."""
    shutil.copytree(bundle, folder)
    seal(folder, tree)
    return folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def examples(bundle: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = files.read_json(bundle / files.EXAMPLES)
    return found


def change(bundle: Path, old: str, new: str) -> None:
    """Change a setting of the environment dev."""
    path = bundle / "environments/dev.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def served(bundle: Path, folder: Path, *more: str) -> Worker:
    """A service of this bundle by this interpreter, as deployment 1 of dev."""
    worker = Worker(folder, 0)
    words = ("-B", "-m", "serving", "--environment", "dev", "--number", "1", *more)
    worker.spawn([sys.executable, *words], bundle, folder / "service.log")
    return worker


def end(worker: Worker) -> None:
    worker.drain()
    worker.wait(SECONDS)


def environment(**changes: Any) -> Environment:
    """The environment dev at an address of its own."""
    limits: Mapping[str, Any] = changes.pop("limits", {})
    dev = read(ROOT / "environments")["dev"]
    values = {"address": f"127.0.0.1:{free_port()}", **changes}
    return dev.model_copy(update={**values, "limits": dev.limits.model_copy(update=limits)})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def until(holds: Callable[[], object]) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
