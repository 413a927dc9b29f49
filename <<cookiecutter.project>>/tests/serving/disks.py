"""A disk that is soon full."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes, in memory, at a folder that it makes."""
    folder.mkdir()
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    options = f"size={megabytes}m,uid={os.getuid()}"
    mount = [*root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        made = False
    if not made:
        pytest.skip("needs to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run([*root, "umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not a byte is free there, until the block ends."""
    path = folder / "ballast"
    # Unbuffered: what was not taken would be written once more when it is closed.
    with path.open("wb", buffering=0) as ballast:
        while free := shutil.disk_usage(folder).free:
            try:
                ballast.write(bytes(min(free, 4096)))
            except OSError:  # somebody else has taken it
                break
    try:
        yield
    finally:
        path.unlink()
