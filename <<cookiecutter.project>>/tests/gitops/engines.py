"""An engine that a test may kill: a dockerd of its own, beside that of the machine."""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import psutil  # type: ignore[import-untyped]
from docker.errors import DockerException

from tests.serving.bundles import SECONDS, until


def missing() -> str | None:
    """Why there can be none here; None where there can."""
    if os.geteuid() != 0:
        return "an engine is started by root"
    lacking = [name for name in ("dockerd", "ip", "iptables") if not shutil.which(name)]
    return f"no {' and no '.join(lacking)} on PATH" if lacking else None


class Engine:
    """It publishes ports by a process of its own, and leaves the machine's rules alone."""

    def __init__(self, folder: Path, within: Sequence[str] = ()) -> None:
        self.folder, self.within = folder, within  # the command that gives it another surrounding
        self.host = f"unix://{folder}/socket"
        self.process: subprocess.Popen[bytes] | None = None
        # Without one of its own, an engine removes docker0, which is that of the machine's. With
        # --default-address-pool it does so when it starts again.
        place = uuid.uuid4().int % 250
        self.bridge, self.address = f"engine{place}", f"10.213.{place}.1/24"

    def start(self) -> None:
        if not Path("/sys/class/net", self.bridge).exists():
            link("add", "name", self.bridge, "type", "bridge")
            numbered = ("ip", "address", "add", self.address, "dev", self.bridge)
            subprocess.run(numbered, check=True, timeout=SECONDS)
        folders = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        words = [f"--{option}={self.folder}/{name}" for option, name in folders.items()]
        words += ["--iptables=false", "--ip-masq=false", f"--bridge={self.bridge}"]
        words += [f"--host={self.host}"]
        # Of processes that were killed, and may not have been buried yet.
        for left in ("pid", "exec/containerd/containerd.pid"):
            (self.folder / left).unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.within, "dockerd", *words], stdout=log, stderr=log, start_new_session=True
            )
        until(self.answers)

    def answers(self) -> bool:
        try:
            docker.DockerClient(base_url=self.host, timeout=SECONDS).close()
        except DockerException:
            return False
        return True

    def cleared(self) -> list[str]:
        """End its containers without waiting; the bridges that were made here, and outlive it."""
        client = docker.DockerClient(base_url=self.host)
        for one in client.containers.list(ignore_removed=True):
            with suppress(DockerException):  # it has ended by itself
                one.kill()
        networks = client.networks.list(filters={"type": "custom"})
        return [f"br-{one.id[:12]}" for one in networks if one.attrs["Driver"] == "bridge"]

    def crash(self) -> None:
        """As when the machine's power goes: it ends at once, and every container with it."""
        self.end(signal.SIGKILL)
        left_by(self.folder)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process
        self.process.send_signal(how)
        self.process.wait(2 * SECONDS)
        if how == signal.SIGTERM:
            link("delete", self.bridge)


def link(*words: str) -> None:
    subprocess.run(("ip", "link", *words), check=True, timeout=SECONDS)


@contextmanager
def bridged() -> Iterator[None]:
    """Its containers reach each other, which the rules of the machine's engine forbid."""
    rule = ("FORWARD", "-m", "physdev", "--physdev-is-bridged", "-j", "ACCEPT")
    subprocess.run(["iptables", "-w", "-I", *rule], check=True, timeout=SECONDS)
    try:
        yield
    finally:
        subprocess.run(["iptables", "-w", "-D", *rule], check=True, timeout=SECONDS)


@contextmanager
def own(*within: str) -> Iterator[Engine]:
    # The path of a socket may have 104 characters: pytest's folders are too long.
    with (
        bridged(),
        tempfile.TemporaryDirectory(prefix="engine", ignore_cleanup_errors=True) as folder,
    ):
        engine = Engine(Path(folder), within)
        engine.start()
        try:
            yield engine
        finally:
            if not engine.answers():  # containers outlive an engine that was killed
                engine.start()
            made = engine.cleared()
            engine.end()
            left_by(engine.folder)
            for bridge in made:
                link("delete", bridge)


def left_by(folder: Path) -> None:
    """End what an engine that was killed no longer knows, and let go of its folder."""
    for process in psutil.process_iter(["cmdline"]):
        if f"{folder}/exec" in " ".join(process.info["cmdline"] or ()):
            for one in (*process.children(), process):  # the first of a container ends all of it
                one.kill()
    # It is mounted on itself, once for each start.
    while f" {folder}/data " in Path("/proc/self/mounts").read_text():
        words = ["umount", "--recursive", "--lazy", f"{folder}/data"]
        subprocess.run(words, check=True, timeout=SECONDS)
