"""One at a time: a file that one process holds, and that the kernel gives back when it ends."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from gitops.settings import Refused

PAUSE = 0.02  # seconds between two looks: short beside what anybody does while holding it


@contextlib.contextmanager
def held(path: Path, seconds: float) -> Iterator[None]:
    """Hold the file while the block runs.

    Raises:
        Refused: somebody else holds it all the time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refused(
                        f"{path}: held by another process for {seconds:.0f} s; see what hangs"
                    ) from None
            time.sleep(PAUSE)
        yield
