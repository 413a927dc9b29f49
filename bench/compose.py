"""The peer of what terraform makes: a gateway and a service, brought up by docker compose.

Its image, its limits and its gateway's settings are those of an environment. A merge to the branch
that the host follows is all the delivery there is.

What it does not do: nothing is verified, neither before clients are led to a release nor after. It
has one slot, so the former ends before the next begins. What failed stays, and serves nobody.
"""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from gitops.environment import Environment
from gitops.settings import Refused
from gitops.targets import caddy, services
from gitops.targets.client import ask, told

SECONDS = 60  # until a release answers; it takes two
PAUSE = 0.02  # between two looks
BRANCH = "main"


def command() -> Sequence[str] | None:
    """Whichever compose is here: the plugin of the docker command, or the command of its own."""
    known = (("docker", "compose"), ("docker-compose",))
    for words in known:
        if (
            shutil.which(words[0])
            and not subprocess.run([*words, "version"], capture_output=True, check=False).returncode
        ):
            return words
    return None


class Compose:
    """A host that follows a branch, and a clone in which somebody pins the release."""

    def __init__(
        self, folder: Path, words: Sequence[str], where: Environment, gateway: str, port: int
    ) -> None:
        self.words, self.name, self.where = words, f"bench-{os.getpid()}", where
        self.work, self.host = folder / "work", folder / "host"
        self.url = f"http://127.0.0.1:{port}"
        origin = folder / "origin.git"
        run("git", "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(origin))
        run("git", "clone", "--quiet", str(origin), str(self.work))
        for key in ("name", "email"):
            run("git", "-C", str(self.work), "config", f"user.{key}", "bench@localhost")
        self.git("switch", "--quiet", "--create", BRANCH)
        servers = {"public": caddy.server(caddy.PUBLIC, [caddy.proxy("service")])}
        settings = {"admin": {"disabled": True}, "apps": {"http": {"servers": servers}}}
        (self.work / "gateway.json").write_text(json.dumps(settings))
        # Of JSON, all is YAML.
        (self.work / "docker-compose.yml").write_text(json.dumps(self.declared(gateway, port)))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A gateway and a service")
        self.git("push", "--quiet", "origin", BRANCH)
        run("git", "clone", "--quiet", str(origin), str(self.host))

    def declared(self, gateway: str, port: int) -> dict[str, object]:
        """What is to run."""
        memory = f"{self.where.limits.memory_mb}m"
        least = {
            "init": True,
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "restart": "unless-stopped",
            "logging": {"driver": "json-file", "options": services.LOGS},
        }
        served = {
            "image": "${IMAGE}",
            "command": ["--environment", self.where.name, "--number", "${NUMBER}"],
            "mem_limit": memory,
            "memswap_limit": memory,
            "pids_limit": services.PROCESSES,
            "tmpfs": [f"/tmp:{services.SCRATCH}"],  # noqa: S108  of the container
            "volumes": [f"state:{services.STATE}"],
            "stop_grace_period": f"{self.where.limits.drain_seconds + services.SECONDS:g}s",
        }
        before = {
            "image": gateway,
            "entrypoint": ["caddy"],
            "command": ["run", "--config", "/gateway.json"],
            "cap_add": ["NET_BIND_SERVICE"],
            "environment": {"HOME": "/tmp"},  # noqa: S108
            "tmpfs": ["/tmp"],  # noqa: S108
            "ports": [f"127.0.0.1:{port}:{caddy.PUBLIC}"],
            "volumes": ["./gateway.json:/gateway.json:ro"],
        }
        both = {"gateway": least | before, "service": least | served}
        return {"version": "3.8", "services": both, "volumes": {"state": {}}}

    def merged(self, image: str, number: int) -> tuple[float, float]:
        """Seconds from a merge until the release answers, and those of compose in it."""
        self.git("switch", "--quiet", "--create", f"release-{number}")
        (self.work / ".env").write_text(f"IMAGE={image}\nNUMBER={number}\n")
        self.git("add", ".env")
        self.git("commit", "--quiet", "--message", f"Release {number}")
        start = time.monotonic()
        self.git("switch", "--quiet", BRANCH)
        self.git("merge", "--quiet", "--no-ff", "--no-edit", f"release-{number}")
        self.git("push", "--quiet", "origin", BRANCH)
        run("git", "-C", str(self.host), "pull", "--quiet")
        pulled = time.monotonic()
        self.compose("up", "--detach")
        while not (found := told(self.url, seconds=1)) or found.number != number:
            assert time.monotonic() < pulled + SECONDS
            time.sleep(PAUSE)
        now = time.monotonic()
        return now - start, now - pulled

    def down(self) -> None:
        self.compose("down", "--volumes")

    def compose(self, *words: str) -> None:
        run(*self.words, "--project-name", self.name, *words, cwd=self.host)

    def git(self, *words: str) -> None:
        run("git", "-C", str(self.work), *words)


class Watch:
    """Asks an address again and again: how often it is not answered, how long it waits."""

    def __init__(self, url: str) -> None:
        self.url, self.asked, self.failed = url, 0, 0
        self.longest = 0.0  # seconds that one has waited
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        self.thread.join()

    def ask(self) -> None:
        while not self.over.wait(PAUSE):
            self.asked += 1
            start = time.monotonic()
            try:
                ask(self.url, "/health/ready", seconds=SECONDS)
            except Refused:
                self.failed += 1
            self.longest = max(self.longest, time.monotonic() - start)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def run(*words: str, cwd: Path | None = None) -> None:
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
