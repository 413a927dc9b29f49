"""The image of a release: built once for a tree, pushed, and from then on named by its digest.

Its name in the registry is `<image_repository>:<first 12 of the tree>`. Tags can be moved by
whoever may push, so what is found there must say of itself that it is of this tree, and what runs
is pulled by the digest that the release's record in git names.
"""

import contextlib
import os
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from docker import DockerClient

from gitops import engine, referrers, sbom
from gitops.build import build
from gitops.lock import held
from gitops.oci import Repository
from gitops.records import SHORT
from gitops.settings import Refused

TREE = "dev.mlops-template.tree"  # the label by which an image names its tree
OCI = "org.opencontainers.image."
PATIENCE = 3600  # seconds for another process to build and push the same tree
SECONDS = 600  # without a word while it is pushed: one large layer over a slow line


@dataclass(frozen=True)
class About:
    """What an image is of."""

    tree: str
    commit: str
    when: datetime  # of the commit: equal trees are not told apart by the clock
    source: str  # where the repository is

    @property
    def labels(self) -> dict[str, str]:
        return {
            TREE: self.tree,
            f"{OCI}revision": self.commit,
            f"{OCI}source": self.source,
            f"{OCI}created": self.when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            f"{OCI}version": self.tree[:SHORT],
        }


def repository(folder: Path) -> str:
    """Where a project's images are: `host/name`.

    Raises:
        Refused: its pyproject.toml does not say.
    """
    if named := os.environ.get("IMAGE_REPOSITORY"):
        return named
    path = folder / "pyproject.toml"
    try:
        return str(tomllib.loads(path.read_text())["tool"]["template"]["image_repository"])
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError):
        raise Refused(f"{path}: image_repository: missing; add it under [tool.template]") from None


def make(folder: Path, about: About) -> str:
    """`repository@digest` of a release's image: the one that is there, or a new one.

    Raises:
        Refused: no engine, no registry, or the build or the push fails; run again, it goes on
            from what is done.
    """
    name = repository(folder)
    hub = Repository(name)
    # Who waits here finds what the other one has pushed.
    with held(folder.with_name(f".{folder.name}.image"), PATIENCE):
        digest = found(hub, about.tree)
        if digest is None:
            with contextlib.closing(engine.connect(SECONDS)) as client:
                tag = f"{name}:{about.tree[:SHORT]}"
                build(folder, tag, about.labels, int(about.when.timestamp()))
                digest = push(client, name, about.tree[:SHORT])
        referrers.attach(hub, digest, sbom.KIND, sbom.NAME, kept(folder))
    return f"{name}@{digest}"


def found(hub: Repository, tree: str) -> str | None:
    """The digest of a tree's image in the registry."""
    known = hub.find(tree[:SHORT])
    return known.digest if known and known.labels.get(TREE) == tree else None


def push(client: DockerClient, name: str, tag: str) -> str:
    """Push what the engine has under a name, and return its digest there.

    Raises:
        Refused: the registry does not take it.
    """
    digest = None
    try:
        said = client.api.push(name, tag=tag, stream=True, decode=True)
        for line in said:
            if error := line.get("error"):
                raise Refused(f"{name}:{tag}: not pushed: {advised(str(error), name)}")
            digest = (line.get("aux") or {}).get("Digest") or digest
    except engine.FAILED as error:
        raise Refused(
            f"{name}:{tag}: not pushed ({engine.why(error)}); see the container engine, then run "
            "this again"
        ) from None
    if digest is None:
        raise Refused(f"{name}:{tag}: not pushed: the container engine names no digest")
    return str(digest)


def advised(error: str, name: str) -> str:
    """What an engine said of a push, and what to do."""
    said = error.strip()
    if any(
        word in said.lower() for word in ("denied", "unauthorized", "no basic auth", "forbidden")
    ):
        return f"{said}; `docker login {name.partition('/')[0]}` as one who may push there"
    return f"{said}; see the registry, then run this again"


def retag(image: str, tree: str) -> bool:
    """Let the tree's tag stand for the recorded image again; did it stand for another?

    Raises:
        Refused: the registry has no such image any more.
    """
    name, _, digest = image.partition("@")
    hub = Repository(name)
    if (now := hub.manifest(tree[:SHORT])) and now.digest == digest:
        return False
    recorded = hub.manifest(digest)
    if recorded is None:
        raise Refused(f"{image}: not in the image registry any more; see who deleted it")
    hub.put(tree[:SHORT], recorded.kind, recorded.content)
    return True


def kept(folder: Path) -> bytes:
    """The list of the image's packages, which lies in the release's folder too."""
    path = folder / sbom.NAME
    if not path.is_file():
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_bytes(sbom.document(folder))
        part.replace(path)
    return path.read_bytes()
