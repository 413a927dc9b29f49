"""Commands, as a person runs them, and seconds."""

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

LIMIT = 1800  # seconds; what takes longer hangs
RUNS = 5  # of what takes a moment; their median counts


class Failed(Exception):  # noqa: N818
    """A command failed; the message has its last words."""


def make(*words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a task says.

    Raises:
        Failed: it fails.
    """
    return run("make", "--no-print-directory", *words, env=env, cwd=cwd)


def run(*command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command says.

    Raises:
        Failed: it fails.
    """
    done = subprocess.run(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line and not line.startswith("make: ")]
        raise Failed(f"{' '.join(command)} failed: {said[-1] if said else 'it says nothing'}")
    return done.stdout


def seconds(timed: Callable[[], object]) -> float:
    start = time.monotonic()
    timed()
    return time.monotonic() - start


def median(timed: Callable[[], object]) -> float:
    return statistics.median(seconds(timed) for _ in range(RUNS))
