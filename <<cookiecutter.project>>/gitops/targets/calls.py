"""Calls to a container engine: what it refuses is refused in its own words."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docker.errors import ImageNotFound

from gitops import engine
from gitops.settings import Refused

if TYPE_CHECKING:
    from docker import DockerClient


@contextmanager
def asked(what: str) -> Iterator[None]:
    """Say first what was asked for, where the engine does not do it.

    Raises:
        Refused: it does not do as asked, or is gone.
    """
    try:
        yield
    except engine.FAILED as error:
        said = str(getattr(error, "explanation", None) or engine.why(error))
        raise Refused(f"{what}: {' '.join(said.split())}") from None


def pull(client: "DockerClient", image: str) -> None:
    """Have an image on the engine; one that is pinned by digest is asked for once.

    Raises:
        Refused: it can't be had.
    """
    with asked(f"{image}: can't be pulled"):
        try:
            client.images.get(image)
        except ImageNotFound:
            repository, mark, digest = image.partition("@")
            client.images.pull(repository, tag=digest if mark else None)


def put(container: Any, folder: str, files: Mapping[str, bytes], time: int = 0) -> None:
    """Write files to a volume of a container, running or not; everybody there may read them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size, about.mode, about.mtime = len(content), 0o444, time
            archive.addfile(about, io.BytesIO(content))
    with asked(f"{container.name}: can't be written to"):
        container.put_archive(folder, packed.getvalue())
