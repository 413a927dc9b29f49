"""The service and what it is measured against: each on one core, ready when it answers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 120  # for a peer to answer; one took ten on a busy machine
PAUSE = 0.002  # between two tries: a hundredth of the fastest start
JSON = "application/json"


@dataclass(frozen=True)
class Peer:
    """A command that serves, and what to ask it; `{port}` stands for its port."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    path: str  # to post to
    body: Path
    ready: str  # answers 200 as soon as anything is answered rightly
    kind: str = JSON
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    peer: Peer
    process: subprocess.Popen[bytes]
    port: int
    seconds: float  # until it was ready

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.peer.path}"

    def processes(self) -> list[int]:
        return [self.process.pid, *below(self.process.pid)]

    def bytes(self, what: str) -> int:
        """Of all its processes; `what` is Pss, which shares out what is shared, or Rss."""
        lines = (
            line
            for pid in self.processes()
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        )
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))

    def spent(self) -> float:
        """Seconds of processor time, of all its processes."""
        ticks = 0
        for pid in self.processes():
            said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(said[11]) + int(said[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def below(pid: int) -> list[int]:
    """The processes that this one started, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *below(child)]
    return found


def cores() -> tuple[int, int]:
    """One for who answers, one for who asks."""
    found = sorted(os.sched_getaffinity(0))
    if len(found) < 2:
        sys.exit("bench: two cores are needed, one for who asks and one for who answers")
    return found[0], found[1]


def pinned(core: int, *command: str) -> list[str]:
    return ["taskset", "-c", str(core), *command]


@contextlib.contextmanager
def running(peer: Peer, folder: Path) -> Iterator[Running]:
    """A peer, from ready until the block ends; what it says goes to a file of the folder."""
    port = free()
    words = [word.format(port=port) for word in peer.command]
    said = folder / f"{peer.name}.log".replace(" ", "-")
    started = time.perf_counter()
    with said.open("ab") as out:
        process = subprocess.Popen(
            pinned(cores()[0], *words),
            cwd=peer.cwd,
            env={**os.environ, **peer.env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        while not answers(port, peer.ready):
            late = time.perf_counter() - started > SECONDS
            if late or process.poll() is not None:
                sys.exit(f"bench: {peer.name} does not answer:\n{said.read_text()[-2000:]}")
            time.sleep(PAUSE)
        yield Running(peer, process, port, time.perf_counter() - started)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def answers(port: int, path: str) -> bool:
    """Does somebody answer with 200? A bare socket: loading a client would be measured too."""
    request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
            connection.sendall(request.encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
