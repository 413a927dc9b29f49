"""Runs of workflows for the forge on this machine: what GitHub's runner does, by act.

Each run has a clone of its own, and leaves `<home>/runs/<n>-<workflow>.log`. Runs of the same
locked requirements share an environment: that of the person, or `<home>/venvs/<hash>/`.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gitops.forges import act, work
from gitops.forges.local import WORKFLOWS, Dispatch, Local, write
from gitops.git import Repository
from gitops.lock import held
from gitops.settings import Refused, parse

LOCKS = ("requirements/uv.txt", "requirements/dev.txt")  # what `make setup` installs
# On a laptop: a person runs `make check test`, which takes minutes, and no forge counts checks.
LEFT_OUT = ("check", "vouch")
ZERO = "0" * 40  # what a forge names as the former tip of a new branch


@dataclass(frozen=True)
class Run:
    workflow: str
    code: int  # 0: every job has succeeded, or was skipped
    log: Path


class Runner:
    def __init__(self, repository: Repository, home: Path, without: Sequence[str] = ()) -> None:
        """`without` names jobs that are left out of every run."""
        self.forge, self.home, self.without = Local(repository, home), home, without
        self.url = str(self.forge.remote.path)

    @property
    def logs(self) -> Path:
        return self.home / "runs"

    def pushed(self, branch: str, before: str = ZERO) -> Run:
        """Run what a push to a branch sets in motion; `before` is its former tip."""
        tip = self.forge.tips().get(branch)
        if tip is None:
            raise Refused(f"{branch}: the remote has no such branch; push it")
        payload = {"ref": f"refs/heads/{branch}", "before": before, "after": tip}
        return self.run("push", "deliver.yml", tip, payload)

    def opened(self, number: int) -> Run:
        """Run what a pull request sets in motion: when it is opened, and when it is pushed to."""
        pull = self.forge.pull(number)
        base = self.forge.tips().get(pull.base, ZERO)
        payload = {
            "number": number,
            "pull_request": {
                "number": number,
                "head": {"ref": pull.head, "sha": pull.commit, "repo": {"full_name": self.url}},
                "base": {"ref": pull.base, "sha": base, "repo": {"full_name": self.url}},
            },
        }
        return self.run("pull_request", "pull-request.yml", pull.commit, payload)

    def drain(self) -> list[Run]:
        """Run what was dispatched, and what that dispatches, until nothing waits.

        One that is killed waits for the next drain.
        """
        runs: list[Run] = []
        while True:
            for path in sorted(self.forge.queue.glob("[0-9]*.json")):
                with mine(path) as text:
                    if text is None:
                        continue
                    try:
                        runs.append(self.dispatched(parse(Dispatch, text, str(path))))
                    except Refused:
                        path.unlink()
                        raise
                    path.unlink()
                break
            else:
                return runs

    def dispatched(self, waiting: Dispatch) -> Run:
        payload = {"ref": f"refs/heads/{waiting.ref}", "inputs": waiting.inputs}
        return self.run("workflow_dispatch", waiting.workflow, waiting.commit, payload)

    def run(self, event: str, workflow: str, commit: str, payload: Mapping[str, Any]) -> Run:
        """Run a workflow file of a commit, as it stands there.

        Raises:
            Refused: there is none, or it does not end in time.
        """
        text = self.forge.remote.file(commit, f"{WORKFLOWS}/{workflow}")
        if text is None:
            raise Refused(f"{workflow}: {commit[:12]} has no such workflow")
        with work.begin(self.logs, Path(workflow).stem) as here:
            env = act.environment(os.environ, self.home, here)
            clone, venv = self.clone(commit, here.folder / "clone")
            write(here.folder / act.EVENT, json.dumps(payload))
            write(here.folder / act.CHECKOUT / "action.yml", act.checkout(self.url, venv))
            with held(self.home / "venvs/.lock", work.SECONDS):
                code = here.run("make", "setup", cwd=clone, env=env)
            if code == 0:
                words = act.command(event, workflow, clone, here, env, self.forge.person()[0])
                jobs = chosen(text, self.without)
                codes = [here.run(*words, *job, cwd=clone, env=env) for job in jobs]
                code = next((one for one in codes if one), 0)
        return Run(workflow, code, here.log)

    def clone(self, commit: str, folder: Path) -> tuple[Path, Path]:
        """A clone of a commit, and the environment that its .venv leads to."""
        git = self.forge.remote.git
        git("clone", "--quiet", "--shared", "--no-checkout", self.url, str(folder))
        git("-C", str(folder), "checkout", "--quiet", "--detach", commit)
        locks = b"".join((folder / name).read_bytes() for name in LOCKS)
        name = hashlib.sha256(locks).hexdigest()[:16]
        # This very environment, where it was made from the same locks.
        venv = Path(sys.prefix)
        if not (venv / f"ready-{name}").exists():
            venv = self.home / "venvs" / name
            venv.mkdir(parents=True, exist_ok=True)
        (folder / ".venv").symlink_to(venv)
        return folder, venv


def chosen(workflow: bytes, without: Sequence[str]) -> list[list[str]]:
    """The options by which act leaves jobs out: it can be told one that it is to run, or none."""
    names = list(yaml.safe_load(workflow)["jobs"])
    if not set(names) & set(without):
        return [[]]
    return [["--job", name] for name in names if name not in without]


@contextlib.contextmanager
def mine(path: Path) -> Iterator[str | None]:
    """What waits in a file; None where somebody else runs it, or has run it."""
    try:
        file = path.open()
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file.read() if os.fstat(file.fileno()).st_nlink else None
