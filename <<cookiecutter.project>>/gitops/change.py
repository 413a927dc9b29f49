"""Changes that a workflow makes to a branch: trained in a folder of their own, one commit each."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from gitops import bundle
from gitops.bundle import LOCK
from gitops.context import Context
from gitops.settings import Refused

SECONDS = 6 * 3600  # what a runner of a forge gives a job


def train(context: Context, folder: Path, tree: str, *, push: bool = True) -> str:
    """Run the stages that changed and send their outputs to the store; the new dvc.lock.

    On one machine the same tree is trained by one run alone; the next finds its outputs.

    Raises:
        Refused: a stage fails, or the store does not take its outputs.
    """
    if (
        fresh(folder)
        and bundle.run(folder, "dvc", "pull", "--quiet", seconds=SECONDS).returncode == 0
    ):
        return (folder / LOCK).read_text()  # made before, and the store has all of it
    with alone(context.home / "training", tree):
        reproduced = bundle.run(folder, "dvc", "repro", "--pull", seconds=SECONDS)
        said = reproduced.stdout + reproduced.stderr
        if reproduced.returncode:
            raise Refused(f"dvc repro failed:\n{ending(said)}")
        if push:
            pushed = bundle.run(folder, "dvc", "push", "--quiet", "--run-cache", seconds=SECONDS)
            if pushed.returncode:
                raise Refused(f"dvc push failed:\n{ending(pushed.stdout + pushed.stderr)}")
    return (folder / LOCK).read_text()


def fresh(folder: Path) -> bool:
    """Does the tree itself say that its dvc.lock is up to date?"""
    return bundle.run(folder, "review.lock", seconds=SECONDS).returncode == 0


@contextlib.contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def with_lock(context: Context, commit: str, lock: str, title: str) -> str:
    """A commit on this one that brings dvc.lock up to date."""
    repository = context.repository
    tree = repository.with_file(repository.tree(commit), LOCK, lock)
    return repository.write_commit(tree, commit, f"{title}\n")


def ending(text: str) -> str:
    """The last lines of a command's output: where it says why."""
    return "\n".join(text.strip().splitlines()[-10:])
