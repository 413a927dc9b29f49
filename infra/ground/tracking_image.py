"""The image of the tracking server, named by the content of what it is made of.

It is built here: the official one lacks the drivers of databases and stores.
"""

import hashlib
import io
import os
import tarfile
from pathlib import Path

from docker import DockerClient  # type: ignore[import-untyped]
from docker.errors import APIError, BuildError, ImageNotFound  # type: ignore[import-untyped]

from ground.settings import Refused, Settings

FILE = Path(__file__).parents[1] / "files/tracking.Dockerfile"
LOCK = Path(__file__).parents[2] / "requirements/ground.txt"
LINES = 3  # of a failed build's words


def name(settings: Settings) -> str:
    parts = (FILE.read_bytes(), LOCK.read_bytes(), settings.images.base.encode())
    return f"ground-tracking:{hashlib.sha256(b'|'.join(parts)).hexdigest()[:12]}"


def have(client: DockerClient, settings: Settings) -> bool:
    """Build it where it is not there; whether it was.

    Raises:
        Refused: it can't be built; the build's last words are in the message.
    """
    wanted = name(settings)
    try:
        client.images.get(wanted)
    except ImageNotFound:
        pass
    else:
        return True
    try:
        client.images.build(
            fileobj=context(),
            custom_context=True,
            tag=wanted,
            buildargs={"BASE": settings.images.base},
            network_mode=os.environ.get("IMAGE_NETWORK"),
            rm=True,
            forcerm=True,
        )
    except BuildError as error:
        said = [str(line.get("stream", "")).strip() for line in error.build_log]
        last = "\n".join([line for line in said if line][-LINES:])
        raise Refused(f"{wanted}: can't be built: {error.msg}\n{last}") from None
    except APIError as error:
        raise Refused(f"{wanted}: can't be built: {error.explanation or error}") from None
    return False


def context() -> io.BytesIO:
    """What the build is given."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, known in ((FILE, "Dockerfile"), (LOCK, LOCK.name)):
            archive.add(path, known, recursive=False)
    packed.seek(0)
    return packed
