"""A world to break: a baked project with two models, its forge on this machine, its services."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baking import ROOT, clean_environment
from gitops import context, journal
from gitops.forges.local import Local

if TYPE_CHECKING:
    from gitops.journal import Journal

ENVIRONMENTS = {"dev": "dev", "uat": "uat", "prod": "main"}
VARIED = ("params.yaml", "dvc.lock")  # what the two models differ in
SECONDS = 180  # of one command: training on few rows, on a busy machine


@dataclass
class World:
    """One project; `commit` changes it, `run` is what a person or a workflow types."""

    project: Path
    variants: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: int = 0

    @property
    def context(self) -> context.Context:
        """The context of the clone, as every command sees it."""
        before = Path.cwd()
        os.chdir(self.project)
        try:
            return context.here()
        finally:
            os.chdir(before)

    @property
    def forge(self) -> Local:
        """Pull requests, which a person merges."""
        found = self.context.forge
        assert isinstance(found, Local)
        return found

    def journal(self) -> Journal:
        """Return what the tags tell."""
        return journal.read(self.context.repository)

    def environment(self) -> dict[str, str]:
        """Return the environment of a command: this interpreter, a person, small noise."""
        env = clean_environment() | {"OMP_WAIT_POLICY": "PASSIVE", "MLFLOW_LOGGING_LEVEL": "ERROR"}
        env["PYTHONPATH"] = str(ROOT / "tests")
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        for role in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@example.invalid"}
        return env

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `python -m <words>` in a session of its own, to be killed with its children."""
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> str:
        """Run `python -m <words>`, which must succeed; return what it says."""
        process = self.start(*words)
        output, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, f"{' '.join(words)}:\n{output}"
        return output

    def git(self, *words: str) -> str:
        """Run git, which must succeed."""
        done = subprocess.run(
            ["git", *words],
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def keep(self, name: str) -> None:
        """Remember the files that make one of the two models."""
        self.variants[name] = {path: (self.project / path).read_bytes() for path in VARIED}

    def change(self, variant: str) -> str:
        """Push a new tree to dev: a model, and a line of a document; return the commit."""
        self.commits += 1
        for path, content in self.variants[variant].items():
            (self.project / path).write_bytes(content)
        with (self.project / "README.md").open("a") as page:
            page.write(f"\nChange {self.commits}.\n")
        self.git("commit", "--quiet", "--all", "--message", f"Model {variant}")
        self.git("push", "--quiet", "origin", "HEAD:dev")
        return self.git("rev-parse", "HEAD")

    def tip(self, branch: str) -> str:
        """Return the commit of a branch of the forge."""
        return self.git("ls-remote", "origin", f"refs/heads/{branch}").split()[0]

    def deliver(self, branch: str) -> tuple[str, ...]:
        """Return the command that delivers a branch's tip."""
        return ("gitops", "deliver", "--branch", branch, "--commit", self.tip(branch))

    def merge(self, environment: str) -> bool:
        """Merge the newest request to an environment, if one is open."""
        found = self.forge.pulls(base=ENVIRONMENTS[environment])
        if found:
            self.forge.merge(found[-1].number, "squash")
        return bool(found)

    def answer(self, environment: str) -> dict[str, Any] | None:
        """Return what answers at an environment's address, with the hashes of what it holds."""
        return asked(f"{self.context.environments[environment].url}/release?prove=1")

    def stop(self) -> None:
        """End the services."""
        self.run("gitops", "stop")


def kill(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a command and its children after some seconds; False if it had ended before."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    finally:
        if process.stdout:
            process.stdout.close()
    return False


def ports(count: int) -> range:
    """Return neighbouring ports that are free now."""
    while True:
        with contextlib.ExitStack() as opened, contextlib.suppress(OSError):
            first = opened.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for port in range(first + 1, first + count):
                opened.enter_context(socket.create_server(("127.0.0.1", port)))
            return range(first, first + count)


def build(project: Path) -> World:
    """Train two models on few rows, and make a forge whose branches hold no model yet."""
    world = World(project)
    for name, port in zip(ENVIRONMENTS, ports(3), strict=True):
        replace(project / f"environments/{name}.toml", r"127.0.0.1:\d+", f"127.0.0.1:{port}")
    replace(project / "params.yaml", r"every: 1 ", "every: 40 ")
    # Threads that wait for each other on a busy machine take many times as long.
    replace(project / "params.yaml", r"threads: 2 ", "threads: 1 ")
    world.git("commit", "--quiet", "--all", "--message", "A small world")
    origin = project.with_name("origin.git")
    world.git("init", "--quiet", "--bare", "--initial-branch=dev", str(origin))
    world.git("remote", "add", "origin", str(origin))
    world.git("push", "--quiet", "origin", *(f"HEAD:refs/heads/{b}" for b in ENVIRONMENTS.values()))
    for variant, seed in (("a", 1), ("b", 2)):
        replace(project / "params.yaml", r"seed: \d+ ( .*\n\nevaluate)", rf"seed: {seed} \1")
        world.run("dvc", "repro", "--quiet")
        if variant == "a":
            world.git("add", "--all")
            world.git("commit", "--quiet", "--message", "Model a")
        world.keep(variant)
        world.run("dvc", "push", "--quiet", "--run-cache")
    shutil.rmtree(project / ".dvc/cache")
    return world


def replace(path: Path, old: str, new: str) -> None:
    """Replace a pattern that must stand in the file."""
    text, count = re.subn(old, new, path.read_text("utf-8"))
    assert count, f"{path}: no {old}"
    path.write_text(text, "utf-8")


def asked(url: str) -> dict[str, Any] | None:
    """Return the JSON of an address; None if nothing answers there."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
            found: dict[str, Any] = json.load(response)
            return found
    except OSError:
        return None
