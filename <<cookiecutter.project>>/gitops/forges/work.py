"""The folder of one run, and the commands that work in it: neither outlives the run.

Who works in a folder holds its lock, which the kernel gives back: what a killed run has left is
told from what is in use, and goes with the next run. A service that a run starts holds no lock.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from gitops.lock import held
from gitops.settings import Refused

SECONDS = 3600  # no job of the workflows may take longer
TURN = 60  # seconds to wait for another that begins, and removes what a killed one has left
GRACE = 10  # seconds to end when asked to: act and its steps take one
PAUSE = 0.02  # seconds between two looks
ENDING = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Work:
    number: int
    folder: Path
    log: Path
    lock: int  # a descriptor of the folder
    deadline: float

    @property
    def tmp(self) -> Path:
        """For temporary files; its name is short, since those of sockets must be."""
        return (self.folder / "tmp").resolve()

    def run(self, *words: str, cwd: Path, env: Mapping[str, str]) -> int:
        """Run a command that writes to the log; return its exit code.

        Raises:
            Refused: it takes too long; it and all that it has started is ended.
        """
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self.lock],
            )
        try:
            return process.wait(max(0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Refused(
                f"{Path(words[0]).name}: not done after {SECONDS} s, and ended; see {self.log}"
            ) from None
        finally:
            end(process)


@contextlib.contextmanager
def begin(runs: Path, name: str) -> Iterator[Work]:
    """Number a run; its log `<n>-<name>.log` stays, its folder is gone afterwards."""
    with held(runs / ".lock", TURN):
        for left in (runs / "work").glob("*"):
            if free(left):
                remove(left)
        known = (
            re.match(r"\d+", path.name) for path in (*runs.glob("*.log"), *runs.glob("work/*"))
        )
        number = max((int(found[0]) for found in known if found), default=0) + 1
        folder, log = runs / "work" / str(number), runs / f"{number}-{name}.log"
        folder.mkdir(parents=True)
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / "tmp").symlink_to(tempfile.mkdtemp(prefix="run-"))
        log.touch()
    try:
        with interruptible():
            yield Work(number, folder, log, lock, time.monotonic() + SECONDS)
        os.close(lock)
    except BaseException:
        os.close(lock)
        deadline = time.monotonic() + GRACE
        while not free(folder) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        raise
    finally:
        remove(folder)


def free(folder: Path) -> bool:
    """Does nobody work there?"""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def remove(folder: Path) -> None:
    shutil.rmtree((folder / "tmp").resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it has started: act's steps lose their terminal, and with it go."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let every request to end do what Ctrl-C does, so that what runs is ended too.

    A command inherits none that is ignored (`nohup`): it could not be ended by its terminal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        signal.signal(number, nothing if handler is signal.SIG_IGN else interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def nothing(_number: int, _frame: FrameType | None) -> None:
    """A handler, where the signal is ignored: unlike that, it is not inherited."""
