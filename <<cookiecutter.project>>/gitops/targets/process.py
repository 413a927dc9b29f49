"""A target on this machine: services as processes, found again by their folders alone.

    <home>/environments/<env>/current      the number that was switched in last
    <home>/environments/<env>/<n>/         its processes' sockets (worker.py) and service.log
    <home>/environments/<env>/state/       what outlives deployments: the predictions

The listening socket of the public address is handed from the old processes to the new, so it is
never closed: connections that wait in it are accepted by whoever holds it. Whatever instant we are
killed at, the same call again goes on from what lives.
"""

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from gitops.environment import Environment
from gitops.lock import held
from gitops.settings import Refused
from gitops.target import Running
from gitops.targets import interpreter
from gitops.targets.address import bound
from gitops.targets.client import told
from gitops.targets.worker import Gone, Hung, Worker

LOG = "service.log"
STATE = "state"
SECONDS = 5  # for one answer over HTTP, or to end after drain_seconds have passed
PATIENCE = 60  # seconds for another deployment of the environment to take its step
KEPT = 5  # folders of ended deployments: their logs say why the last ones failed


class Process:
    """The processes of one environment."""

    def __init__(self, home: Path, environment: Environment) -> None:
        self.home = home.absolute()
        self.environment = environment
        self.folder = self.home / "environments" / environment.name

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def url(self) -> str:
        return self.environment.url

    def running(self, url: str | None = None) -> Running | None:
        """What answers at the public address (or at `url`); None where nothing of ours does."""
        return told(url or self.url, seconds=SECONDS)

    def start(self, number: int, bundle: Path, image: str | None = None) -> str:  # noqa: ARG002
        """Bring up the files of a release beside what serves, and return its private URL.

        Raises:
            Refused: it does not come up; what it said last is in the message.
        """
        python = interpreter.make(self.home, bundle)
        words = [str(python), "-B", "-m", "serving", "--environment", self.name]
        words += ["--state", str(self.folder / STATE)]
        with self.alone():
            self.fence(number)
            self.sweep(number)
            missing = [worker for worker in self.places(number) if not worker.lives]
            for worker in missing:
                worker.spawn([*words, "--number", str(number)], bundle, self.log(number))
        deadline = time.monotonic() + self.environment.limits.start_seconds
        try:
            urls = [self.up(worker, bundle, deadline) for worker in self.places(number)]
        except Refused:
            with self.alone():
                self.end(number, wait=True)
            if missing == self.places(number):
                raise
        else:
            return urls[0]
        # What was found there hung, or was of an attempt with other files: now it is ended.
        return self.start(number, bundle)

    def up(self, worker: Worker, bundle: Path, deadline: float) -> str:
        """The private address of one of its processes, as soon as it answers."""
        limit = self.environment.limits.start_seconds
        try:
            state = worker.state(max(deadline - time.monotonic(), 0.1))
        except Gone:
            why = f"it ended: {last_line(worker.folder / LOG)}"
        except Hung:
            worker.kill()
            why = f"it is not ready after {limit:g} s, its limit start_seconds"
        else:
            if Path(state.folder) == bundle.resolve():
                return state.url
            why = f"it serves {state.folder}"
        raise Refused(f"{self.name}: the service does not come up: {why}")

    def switch(self, number: int) -> None:
        """Let clients reach this one; the former finishes what it has begun, and ends.

        Raises:
            Refused: a newer number has been switched in, or the address is taken.
        """
        with self.alone():
            self.fence(number)
            try:
                waiting = [one for one in self.places(number) if not one.state().public]
            except (Gone, Hung):
                raise Refused(f"{self.name}: deployment {number} is not up; start it") from None
            if waiting:
                with self.listener() as public:
                    for worker in waiting:
                        worker.listen(public)
            self.write_current(number)
            for other in self.numbers():
                if other < number or (other > number and self.public(other)):
                    self.end(other)
            self.forget(number)

    def discard(self, number: int) -> None:
        """End one that was started and not switched in."""
        with self.alone():
            if number == self.current() and self.public(number):
                return
            self.end(number, wait=True)

    def drift(self) -> list[str]:
        return []  # what it was made of is not remembered

    def mend(self) -> None:
        """Nothing is."""

    def stop(self) -> None:
        """End everything that runs here, and forget what was switched in."""
        if not self.folder.is_dir():
            return
        with self.alone():
            for number in self.numbers():
                self.end(number)
            for number in self.numbers():
                self.end(number, wait=True)
            (self.folder / "current").unlink(missing_ok=True)

    def clear(self) -> None:
        """End everything that runs here, and remove what it kept."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def alone(self) -> contextlib.AbstractContextManager[None]:
        return held(self.folder / "lock", PATIENCE)

    def fence(self, number: int) -> None:
        """A late worker changes nothing."""
        current = self.current()
        if current is not None and current > number:
            raise Refused(
                f"{self.name}: deployment {number} is superseded by {current}, which was switched "
                "in here; where that was of a repository that is no more, `make stop` forgets it"
            )

    @contextlib.contextmanager
    def listener(self) -> Iterator[socket.socket]:
        """The public listening socket: that of a process which has it, or a new one."""
        for number in reversed(self.numbers()):
            for worker in self.workers(number):
                try:
                    public = worker.give()
                except Gone:
                    continue
                except Hung:
                    worker.kill()
                    continue
                if public:
                    with public:
                        yield public
                    return
        with bound(self.environment.address, self.name) as public:
            yield public

    def sweep(self, number: int) -> None:
        """End what older deployments left behind that clients never reached."""
        for other in self.numbers():
            if other < number and other != self.current() and not self.public(other):
                self.end(other)

    def end(self, number: int, *, wait: bool = False) -> None:
        for worker in self.workers(number):
            worker.drain()
            if wait:
                worker.wait(self.environment.limits.drain_seconds + SECONDS)

    def forget(self, number: int) -> None:
        """Remove the folders of deployments that ended, but for the last ones."""
        ended = [
            other
            for other in self.numbers()
            if other < number and not any(one.lives for one in self.workers(other))
        ]
        for other in ended[:-KEPT]:
            shutil.rmtree(self.place(other), ignore_errors=True)

    def place(self, number: int) -> Path:
        return self.folder / str(number)

    def log(self, number: int) -> Path:
        return self.place(number) / LOG

    def public(self, number: int) -> bool:
        return any(worker.public for worker in self.workers(number))

    def places(self, number: int) -> list[Worker]:
        """The processes that a deployment is to have."""
        return [Worker(self.place(number), place) for place in range(self.environment.workers)]

    def workers(self, number: int) -> list[Worker]:
        """Those that it was ever given."""
        found = self.place(number).glob("*.control")
        return [Worker(path.parent, int(path.stem)) for path in sorted(found)]

    def numbers(self) -> list[int]:
        return sorted(int(path.name) for path in self.folder.glob("[0-9]*"))

    def current(self) -> int | None:
        try:
            return int((self.folder / "current").read_text())
        except (FileNotFoundError, ValueError):  # a machine without power may leave an empty one
            return None

    def write_current(self, number: int) -> None:
        part = self.folder / ".current"
        part.write_text(f"{number}\n")
        part.replace(self.folder / "current")


def last_line(log: Path) -> str:
    """What the service said last."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
