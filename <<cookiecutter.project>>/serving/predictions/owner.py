"""The process that a spool's segments belong to: a file that it holds locked as long as it lives.

The file counts what the process dropped, so that the number survives it too.
"""

import fcntl
import mmap
import os
import struct
from pathlib import Path
from typing import Self

SUFFIX = ".owner"
SIZE = 4096  # a page
HEADER = struct.Struct("<8sQI")  # magic, rows dropped, bytes of what it says about itself
AT_DROPPED, COUNT = 8, struct.Struct("<Q")
MAGIC = b"owner001"


class Owner:
    """Held by one process at a time."""

    def __init__(self, path: Path, descriptor: int, mapped: mmap.mmap) -> None:
        self.path, self.descriptor, self.map = path, descriptor, mapped
        self.name = path.name.removesuffix(SUFFIX)

    @classmethod
    def create(cls, folder: Path, name: str, about: bytes) -> Self:
        """Under its name only once it is locked: until then it would look like a dead one's.

        Raises:
            OSError: there is no room for it.
        """
        draft = folder / f"{name}.draft"
        descriptor = os.open(draft, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(descriptor, 0, SIZE)
            mapped = mmap.mmap(descriptor, SIZE)
            HEADER.pack_into(mapped, 0, MAGIC, 0, len(about))
            mapped[HEADER.size : HEADER.size + len(about)] = about
            path = folder / f"{name}{SUFFIX}"
            draft.rename(path)
        except OSError:
            draft.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return cls(path, descriptor, mapped)

    @classmethod
    def adopt(cls, path: Path) -> Self | None:
        """Take over from a dead process; None where it lives, or another one was faster."""
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(descriptor)
            if found.st_size < SIZE:
                os.truncate(descriptor, SIZE)  # its process died before it was whole
            if found.st_nlink:
                return cls(path, descriptor, mmap.mmap(descriptor, SIZE))
        except BlockingIOError:
            pass
        os.close(descriptor)
        return None

    @property
    def about(self) -> bytes:
        """What it said about itself; nothing where the file is damaged."""
        magic, _, size = HEADER.unpack_from(self.map)
        return self.map[HEADER.size : HEADER.size + size] if magic == MAGIC else b""

    @property
    def dropped(self) -> int:
        magic, dropped, _ = HEADER.unpack_from(self.map)
        return int(dropped) if magic == MAGIC else 0

    @dropped.setter
    def dropped(self, rows: int) -> None:
        COUNT.pack_into(self.map, AT_DROPPED, rows)

    def close(self) -> None:
        """From now on, anybody may adopt it."""
        self.map.close()
        os.close(self.descriptor)

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)
        self.close()
