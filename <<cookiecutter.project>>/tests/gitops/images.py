"""Images of releases, in repositories of a test's own."""

import contextlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docker import DockerClient

from gitops import oci, referrers
from gitops.image import About
from tests.projects import ROOT
from tests.serving import bundles

TREE, OTHER = "a" * 40, "b" * 40


def about(tree: str = TREE) -> About:
    return About(tree, "c" * 40, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "https://forge.example")


def forget(client: DockerClient, repository: str) -> None:
    """Remove a test's images from the engine, which keeps what they share with others."""
    for found in client.images.list(name=repository):
        client.images.remove(found.id, force=True)


def release_of(bundle: Path, folder: Path, tree: str) -> Path:
    bundles.copy_of(bundle, folder, tree)
    shutil.copy(ROOT / ".dockerignore", folder)
    return folder


def layers(client: DockerClient, made: str) -> list[str]:
    found: list[str] = client.images.get(made).attrs["RootFS"]["Layers"]
    return found


@contextlib.contextmanager
def running(client: DockerClient, made: str, **options: Any) -> Iterator[Any]:
    """A container as hardened as it can be, with nothing but the image's own start."""
    found = client.containers.run(
        made,
        ["--environment", "dev", "--number", "1"],
        detach=True,
        init=True,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        tmpfs={"/tmp": "size=16m"},  # noqa: S108
        network_mode="none",
        **options,
    )
    try:
        yield found
    finally:
        found.remove(force=True, v=True)


def ended(container: Any) -> int:
    code: int = container.wait(timeout=bundles.SECONDS)["StatusCode"]
    return code


def health(container: Any) -> str:
    container.reload()
    found: str = container.attrs["State"]["Health"]["Status"]
    return found


def index() -> bytes:
    """A name that stands for nothing of ours."""
    return referrers.encoded({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": []})
