"""Targets whose services are processes of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitops.targets.process import Process
from tests.serving import bundles


def home(folder: Path, interpreters: Path) -> Path:
    """A forge's home, whose path is longer than that of a socket may be."""
    found = folder / ("x" * 100) / "origin.forge"
    found.mkdir(parents=True)
    (found / "interpreters").symlink_to(interpreters)
    return found


@contextmanager
def target(home: Path, **changes: Any) -> Iterator[Process]:
    """The environment dev, ended afterwards."""
    found = Process(home, bundles.environment(**changes))
    try:
        yield found
    finally:
        found.stop()


def numbers(target: Process) -> list[int]:
    """The deployments that have processes which live."""
    found = target.numbers()
    return [one for one in found if any(worker.lives for worker in target.workers(one))]
