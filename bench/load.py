"""What wrk sees of a server, and what that takes of the server's core."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from peers import Running, cores, pinned

SCRIPT = Path(__file__).parent / "post.lua"
SECONDS = 120  # for a run of a few
LOOK = 0.05  # seconds between two looks at what waits
WAITING = "service_log_waiting "  # rows that are not in the database yet


def needed() -> None:
    """End, saying what to do, where there is no wrk."""
    if not shutil.which("wrk"):
        sys.exit("bench: wrk is not there: apt-get install wrk, or brew install wrk")


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    rate: float  # answers a second
    p50: float  # milliseconds
    p99: float
    cost: float  # microseconds of the server's core for an answer


def ask(one: Running, clients: int, seconds: float) -> Load:
    """Ask without a pause, over connections that are kept."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "30s"]
    command += ["-s", str(SCRIPT), one.url]
    before = one.spent()
    done = subprocess.run(
        pinned(cores()[1], *command),
        env={**os.environ, "BODY": str(one.peer.body), "KIND": one.peer.kind},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    spent = one.spent() - before
    if done.returncode:
        sys.exit(f"bench: wrk failed:\n{done.stdout}{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    if said["failed"] or not said["requests"]:
        sys.exit(f"bench: {one.peer.name}: of {said['requests']} answers {said['failed']} are bad")
    return Load(
        rate=said["requests"] / said["microseconds"] * 1e6,
        p50=said["p50"] / 1000,
        p99=said["p99"] / 1000,
        cost=spent / said["requests"] * 1e6,
    )


def settled(one: Running) -> None:
    """Wait until what it answered is in its database: not while others are measured."""
    end = time.monotonic() + SECONDS
    while waiting(one):
        if time.monotonic() > end:
            sys.exit(f"bench: {one.peer.name}: its log is not written after {SECONDS} s")
        time.sleep(LOOK)


def waiting(one: Running) -> float:
    with urlopen(f"http://127.0.0.1:{one.port}/metrics", timeout=SECONDS) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(WAITING))
