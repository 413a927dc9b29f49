"""A real PostgreSQL of one's own: in a folder in /tmp, on a Unix socket, gone after the tests.

A test module has it by `from tests.serving.postgres import postgres` and asks for an empty
database of its own: `url = postgres.database()`.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

SECONDS = 60  # for a start or a stop; it takes one
USER = "postgres"  # PostgreSQL refuses to run as root


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: on PATH, or where Debian keeps its newest."""
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda p: float(p.parts[4]))
    return kept[-1].parent if kept else None


class Postgres:
    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.numbers = programs, folder, count()
        self.person: dict[str, Any] = {}
        if os.getuid() == 0:
            shutil.chown(folder, USER, USER)
            self.person = {"user": USER, "group": USER, "extra_groups": []}
        self.data = folder / "data"
        self.run("initdb", "--auth=trust", "--no-sync", "--username", USER)
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(f"listen_addresses = ''\nunix_socket_directories = '{folder}'\n")

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.programs / program, "-D", self.data, *arguments],
            cwd=self.folder,
            check=True,
            # Not a pipe: the server that it starts would keep it open.
            stdout=subprocess.DEVNULL,
            timeout=SECONDS,
            **self.person,
        )

    def start(self) -> None:
        self.run("pg_ctl", "start", "--wait", "--silent", "--log", str(self.folder / "log"))

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is as a power cut: nobody finishes anything."""
        self.run("pg_ctl", "stop", "--wait", "--silent", "--mode", mode)

    def kill(self) -> None:
        """SIGKILL of all its processes; nobody could say so to anybody."""
        lock = self.data / "postmaster.pid"
        first = int(lock.read_text().split()[0])
        known = [list(map(int, line.split())) for line in ps("-A", "-o", "pid=,ppid=")]
        ours = [first, *(pid for pid, parent in known if parent == first)]
        for pid in ours:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + SECONDS
        while any(running(pid) for pid in ours):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # The numbers in them may be others' by now.
        for path in (lock, self.folder / ".s.PGSQL.5432.lock"):
            path.unlink()

    def url(self, database: str = USER) -> str:
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}"

    def database(self) -> str:
        """The URL of a new one."""
        name = f"test{next(self.numbers)}"
        with psycopg.connect(f"host={self.folder} user={USER}", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


def ps(*words: str) -> list[str]:
    """The lines that it says; none where there is no such process."""
    done = subprocess.run(["ps", *words], capture_output=True, text=True, timeout=SECONDS)
    return [line.strip() for line in done.stdout.splitlines()]


def running(pid: int) -> bool:
    """Not ended, nor a Z: one that has, and that nobody has asked for yet."""
    return any(not state.startswith("Z") for state in ps("-o", "stat=", "-p", str(pid)))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    programs = binaries()
    if programs is None:
        pytest.skip("needs PostgreSQL: no pg_ctl on PATH or in /usr/lib/postgresql/*/bin")
    # A socket's path has at most 107 bytes, and pytest's folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))
    server = Postgres(programs, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
