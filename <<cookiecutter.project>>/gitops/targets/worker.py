"""One process of a service. It is found again by the socket on which it takes commands.

Its starter binds that socket and hands it down, so it can be asked from its first moment, and a
connection to it proves that the process lives: no number of a process has to be believed.
serving/control.py is the other end.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops.settings import Refused

SECONDS = 5  # for a command: its answer waits for one prediction at most
BACKLOG = 16  # commands that wait; there are seldom two
ANSWER = 8192  # bytes: a line with one path in it
PAUSE = 0.02  # seconds between two looks
# What a process needs of its starter's environment; tokens and keys of a workflow stay there. The
# service's own are these: where predictions are kept, who may ask, what hashes a name.
OWN = ("PREDICTION_LOG_URL", "API_KEYS_FILE", "LOG_HASH_KEY")
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", *OWN)


class Gone(Exception):
    """No such process lives."""


class Hung(Exception):
    """It lives and does not answer."""


@dataclass(frozen=True)
class State:
    """What a process says of itself."""

    pid: int
    url: str  # its private address
    folder: str  # whose files it serves
    public: bool  # it accepts on the public address


@dataclass(frozen=True)
class Worker:
    folder: Path  # of its deployment
    place: int  # among the deployment's processes

    @property
    def control(self) -> Path:
        return self.folder / f"{self.place}.control"

    @property
    def pid(self) -> Path:
        return self.folder / f"{self.place}.pid"

    def spawn(self, command: Sequence[str], bundle: Path, log: Path) -> None:
        """Start it in a session of its own, so that it outlives us."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.control.unlink(missing_ok=True)
        with (
            socket.socket(socket.AF_UNIX) as listener,
            short(self.control) as path,
            log.open("ab") as output,
        ):
            listener.bind(path)
            listener.listen(BACKLOG)
            process = subprocess.Popen(
                [*command, "--control", str(listener.fileno())],
                cwd=bundle,
                env=kept(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=[listener.fileno()],
            )
        self.pid.write_text(f"{process.pid}\n")

    @contextlib.contextmanager
    def talk(self, seconds: float) -> Iterator[socket.socket]:
        """A connection to it.

        Raises:
            Gone: it does not live, or ends meanwhile.
            Hung: it says nothing for so long.
        """
        with socket.socket(socket.AF_UNIX) as connection, short(self.control) as path:
            connection.settimeout(seconds)
            try:
                connection.connect(path)
                yield connection
            except (FileNotFoundError, ConnectionError):
                raise Gone from None
            except (TimeoutError, BlockingIOError):
                raise Hung from None

    @property
    def lives(self) -> bool:
        try:
            with self.talk(SECONDS):
                return True
        except Gone:
            return False
        except Hung:
            return True

    @property
    def public(self) -> bool:
        """Does it accept on the public address?"""
        try:
            return self.state().public
        except (Gone, Hung):
            return False

    def state(self, seconds: float = SECONDS) -> State:
        with self.talk(seconds) as connection:
            return say(connection, "status")

    def give(self) -> socket.socket | None:
        """The public listening socket, if it has one."""
        with self.talk(SECONDS) as connection:
            connection.sendall(b"give")
            _, handed, _, _ = socket.recv_fds(connection, ANSWER, 1)
            for descriptor in handed:
                os.set_inheritable(descriptor, False)
            return socket.socket(fileno=handed[0]) if handed else None

    def listen(self, public: socket.socket) -> None:
        """Let it accept on the public listening socket too."""
        with self.talk(SECONDS) as connection:
            say(connection, "listen", public)

    def drain(self) -> None:
        """It accepts nothing more, once this returns, and ends when it has answered the rest."""
        with contextlib.suppress(Gone):
            try:
                with self.talk(SECONDS) as connection:
                    say(connection, "drain")
            except Hung:
                self.kill()

    def wait(self, seconds: float) -> None:
        """See it ended, after so many seconds by force."""
        with contextlib.suppress(Gone):
            try:
                with self.talk(seconds) as connection:
                    if not connection.recv(1):
                        return
            except Hung:
                self.kill()

    def kill(self) -> None:
        """End it at once.

        Raises:
            Refused: it can't be.
        """
        # It lives, or no connection had been made; so the number is still its own.
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.kill(int(self.pid.read_text()), signal.SIGKILL)
        deadline = time.monotonic() + SECONDS
        while self.lives:
            if time.monotonic() > deadline:
                raise Refused(f"{self.control}: its process can't be ended; end it by hand")
            time.sleep(PAUSE)


def say(connection: socket.socket, word: str, *handed: socket.socket) -> State:
    socket.send_fds(connection, [word.encode()], [one.fileno() for one in handed])
    said = connection.recv(ANSWER)
    if not said:
        raise ConnectionResetError
    return State(**json.loads(said))


def kept(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in KEPT if name in environment}


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """A short name of a path for a moment: a socket's may have 104 characters, ours have more."""
    with tempfile.TemporaryDirectory(prefix="s") as folder:
        link = Path(folder) / "f"
        link.symlink_to(path.parent.absolute())
        yield f"{link}/{path.name}"
