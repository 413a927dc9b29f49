"""Images of releases in a registry of this machine, and targets that run them on its engine."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from docker import DockerClient

from gitops import engine
from gitops.build import build
from gitops.image import push
from gitops.targets import hub
from gitops.targets.docker import Docker
from tests.gitops.engines import Engine
from tests.projects import ROOT
from tests.serving import bundles

REPOSITORY = f"{os.environ.get('REGISTRY', 'localhost:5000')}/tests/{uuid.uuid4().hex[:12]}"
INSTANT = 0  # of all files: equal contents are an equal image


def missing() -> str | None:
    """Why nothing can be run here; None where it can."""
    return engine.is_there()


def image_of(bundle: Path, **labels: str) -> str:
    """The image of a release's folder, pushed: repository@digest."""
    shutil.copy(ROOT / ".dockerignore", bundle)
    client = engine.connect()
    hub.up(client, REPOSITORY)
    tag = uuid.uuid4().hex[:12]
    build(bundle, f"{REPOSITORY}:{tag}", labels, INSTANT)
    return f"{REPOSITORY}@{push(client, REPOSITORY, tag)}"


class Made(NamedTuple):
    """A release, and its image."""

    bundle: Path
    image: str


def made(
    bundle: Path, folder: Path, tree: str, change: Callable[[Path], None] | None = None
) -> Made:
    """A release as a folder, changed if so asked, and its image in the registry."""
    files = bundles.copy_of(bundle, folder, tree)
    if change:
        change(files)
    return Made(files, image_of(files))


@contextmanager
def target(home: Path, **changes: Any) -> Iterator[Docker]:
    """The environment dev of a project that no other test has, removed afterwards."""
    found = Docker(home, bundles.environment(target="docker", **changes), name())
    try:
        yield found
    finally:
        found.clear()


def name() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


def numbers(target: Docker) -> list[int]:
    """The deployments that have containers, running or not."""
    return sorted(int(one.labels["gitops.number"]) for one in target.services.found())


def only(target: Docker) -> Any:
    (found,) = target.services.found()
    return found


def carry(own: Engine, image: str) -> None:
    """Let another engine have an image of this machine's."""
    here, there = engine.connect(), DockerClient(base_url=own.host)
    there.images.load(b"".join(here.images.get(image).save(named=True)))
