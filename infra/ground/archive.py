"""Files on their way to and from a container, as an engine packs them."""

import hashlib
import tarfile
import time
from collections.abc import Mapping
from io import BufferedReader, BytesIO
from typing import BinaryIO, cast


def packed(files: Mapping[str, bytes], owner: int) -> bytes:
    """Files that their owner alone reads."""
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as opened:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size, about.mode, about.mtime = len(content), 0o400, time.time()
            about.uid = about.gid = owner
            opened.addfile(about, BytesIO(content))
    return archive.getvalue()


def hashes(stream: BinaryIO) -> dict[str, str]:
    """The sha256 of each file in an archive, by its path."""
    found = {}
    with tarfile.open(fileobj=stream, mode="r|") as opened:
        for about in opened:
            file = opened.extractfile(about) if about.isfile() else None
            if file is not None:
                digest = hashlib.file_digest(cast("BufferedReader", file), "sha256")
                found[about.name] = digest.hexdigest()
    return found
