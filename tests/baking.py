"""The bake, wrapped in a tiny object: `bake({"project": "x"}).run("git", "status")`."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
# What make, pytest and a virtual environment tell their children is not for a baked repository.
PRIVATE = ("MAKE", "MFLAGS", "PYTEST_", "PYTHON", "VIRTUAL_ENV", "GIT_")


def clean_environment() -> dict[str, str]:
    """Return the environment that a person's own shell would have."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    tools = str(Path(sys.executable).parent)
    env["PATH"] = os.pathsep.join(p for p in env["PATH"].split(os.pathsep) if p != tools)
    return env


@dataclass(frozen=True)
class Baked:
    """What a bake left: its exit code, its words, and the repository when there is one."""

    code: int
    output: str
    path: Path

    def run(self, *command: str) -> str:
        """Run a command in the repository and return its output; it must succeed."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)} in {self.path}:\n{done.stdout}"
        return done.stdout

    def files(self) -> list[str]:
        """Return the path of every file that lies here, git's own left out."""
        found = (p.relative_to(self.path) for p in self.path.rglob("*") if p.is_file())
        return sorted(p.as_posix() for p in found if p.parts[0] != ".git")


class Bake(Protocol):
    """Bake with these answers, or those typed; `options` are cookiecutter's own."""

    def __call__(
        self,
        answers: Mapping[str, str] = ...,
        *options: str,
        typed: str | None = None,
        folder: Path | None = None,
        env: Mapping[str, str] = ...,
    ) -> Baked: ...
