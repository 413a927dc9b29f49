"""A ground to try: a name, ports and a home of its own, and the commands that a person types."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import socket
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import docker  # type: ignore[import-untyped]
import psutil  # type: ignore[import-untyped]

from baking import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = ROOT / "infra/ground.toml"
IMAGES = ("DATABASE", "STORE", "REGISTRY", "PROMETHEUS", "ALERTMANAGER", "GATEWAY")
SECONDS = 600  # of one command: the tracking server's image is built once
LABEL = "ground"
OTHERS = "test-"  # begins the names of what the template's tests make


def python() -> Path:
    """Return the interpreter that declares infrastructure; make it where it is not there."""
    command = ["make", "--no-print-directory", ".venv/infra/ready"]
    subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, timeout=SECONDS)
    return ROOT / ".venv/infra/bin/python"


def missing() -> str | None:
    """Return why no ground can be made here; None where one can."""
    if absent := [name for name in IMAGES if not os.environ.get(f"GROUND_{name}_IMAGE")]:
        return f"GROUND_{absent[0]}_IMAGE is not set: .ci/ground makes the images"
    return None


def ports(count: int) -> range:
    """Return neighbouring ports that are free, and that nobody is given who asks for any."""
    while True:
        found = range(first := random.randrange(20000, 30000), first + count)  # noqa: S311
        with contextlib.ExitStack() as opened, contextlib.suppress(OSError):
            for port in found:
                opened.enter_context(socket.create_server(("127.0.0.1", port)))
            return found


@dataclass
class Trial:
    """One ground, in a folder."""

    folder: Path
    name: str
    within: list[str] = field(default_factory=list)  # the command that gives it its surroundings

    def __post_init__(self) -> None:
        """Write its settings."""
        text = SETTINGS.read_text("utf-8").replace('name = "ground"', f'name = "{self.name}"')
        free = iter(ports(7))
        text = re.sub(
            r"(?m)^(\w+ = )\d{4}(?=\s)", lambda found: f"{found[1]}{next(free)}", text, count=7
        )
        self.file.write_text(text)

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def home(self) -> Path:
        return self.folder / "home" / self.name

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a person who keeps grounds in this folder."""
        env = clean_environment() | {"GROUND_HOME": str(self.folder / "home")} | more
        return env | {"PYTHONPATH": str(ROOT / "infra"), "PYTHONDONTWRITEBYTECODE": "1"}

    def change(self, old: str, new: str) -> None:
        """Change its settings."""
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new, 1))

    def command(self, *words: str) -> list[str]:
        return [*self.within, str(python()), "-m", "ground", "--file", str(self.file), *words]

    @contextlib.contextmanager
    def begun(
        self, *words: str, until: str, **more: str
    ) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Run one until it has said this, in the line that is returned; then it goes on alone."""
        with subprocess.Popen(
            self.command(*words),
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout
            said = []
            try:
                for line in process.stdout:
                    said.append(line)
                    if until in line:
                        break
                assert said, f"{words} says nothing"
                assert until in said[-1], "".join(said)
                yield process, said[-1]
            finally:
                kill(process.pid)

    def run(self, *words: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of the ground's commands."""
        return subprocess.run(
            self.command(*words),
            env=self.environment(**more),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    def done(self, *words: str, **more: str) -> str:
        """Run one that must succeed, and return what it says."""
        found = self.run(*words, **more)
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout

    def terraform(self, *words: str) -> str:
        """Return what terraform says of its stack."""
        done = subprocess.run(
            ["terraform", *words],
            cwd=self.home / "stack/stacks/ground",
            env=self.environment(TF_DATA_DIR=str(self.home / "terraform")),
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
        )
        return done.stdout

    def outputs(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / "outputs.json").read_text())
        return found

    def given(self, project: str) -> dict[str, str]:
        """Return what a project reads."""
        text = (self.home / "projects" / project / "env").read_text()
        return dict(re.findall(r"^export (\w+)='?(.*?)'?$", text, re.MULTILINE))

    def secrets(self) -> dict[str, str]:
        """Return every generated password, by where it lies."""
        files = [*self.home.glob("passwords/*"), *self.home.glob("projects/*/passwords/*")]
        found = {}
        for file in files:
            for word in re.split(r"[\s:=]+", file.read_text()):
                if len(word) >= 40:  # a password has 43 characters, a hash 60
                    found[f"{file.relative_to(self.home)}: {word[:4]}"] = word
        return found


def kill(number: int) -> None:
    """End a process at once, with all that it has started: terraform, and the provider."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def things() -> dict[str, set[str]]:
    """Return the names of all containers, networks and volumes of the engine.

    But for those of the template's tests, which may run beside.
    """
    client: Any = docker.from_env()
    found = {
        "containers": client.containers.list(all=True, ignore_removed=True),
        "networks": client.networks.list(),
        "volumes": client.volumes.list(),
    }
    return {
        kind: {one.name for one in some if not one.name.startswith(OTHERS)}
        for kind, some in found.items()
    }
