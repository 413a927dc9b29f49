"""The experiment of a pull request: trained, its dvc.lock committed, its report written."""

import os
from pathlib import Path

from gitops import change, infrastructure, report
from gitops.bundle import LOCK
from gitops.context import Context
from gitops.deploy import Superseded
from gitops.environment import of_branch
from gitops.forge import Pull
from gitops.git import Taken
from gitops.settings import Refused

MARKER = "<!-- review -->"


def experiment(context: Context, pull: Pull) -> str:
    """Reproduce a pull request, and report on it; what was done, in one line.

    Raises:
        Superseded: its branch has moved on.
        Refused: a stage fails, or a gate does.
    """
    repository = context.repository
    commit = repository.commit(pull.commit)
    tree = repository.tree(commit)
    with context.repository.checkout(commit) as folder:
        lock = change.train(context, folder, tree, push=not pull.fork)
        stale = lock.encode() != repository.file(commit, LOCK)
        # An environment's branch is changed by merges alone.
        ours = not pull.fork and of_branch(context.environments, pull.head) is None
        if stale and ours:
            return hand_over(context, pull, change.with_lock(context, commit, lock, TITLE))
        base, prod = compared(context, pull)
        text, red = report.written(folder, base, prod)
        if not pull.fork:  # what a stranger declares is not run beside what serves
            text += infrastructure.section(context, folder, pull)
    if stale:
        text = f"**{LOCK} is behind**: run `make reproduce` and commit it.\n\n{text}"
    publish(context, pull, text)
    if red:
        raise Refused(f"#{pull.number}: {red}")
    if stale:
        raise Refused(f"#{pull.number}: {LOCK} is behind; run `make reproduce` and commit it")
    return f"#{pull.number}: trained and reviewed; {LOCK} is up to date"


TITLE = f"Bring {LOCK} up to date"


def hand_over(context: Context, pull: Pull, commit: str) -> str:
    """Push the new lock, and let a run on it report: checks belong to the commit they ran on."""
    try:
        context.repository.push(commit, f"refs/heads/{pull.head}", pull.commit)
    except Taken:
        raise Superseded(f"{pull.head} has moved on; its own run trains it") from None
    context.forge.dispatch("pull-request.yml", pull.head, {"pull": str(pull.number)})
    return f"#{pull.number}: trained; {LOCK} committed as {commit[:12]}, whose own run reports"


def compared(context: Context, pull: Pull) -> tuple[str | None, str | None]:
    """What to compare with: the base branch, and PROD's where it has another tree."""
    repository = context.repository
    locks = []
    for branch in (pull.base, context.last.branch):
        tip = repository.tip(branch)
        locks.append(repository.file(tip, LOCK) if tip else None)
    base, prod = (f"{repository.remote}/{name}" for name in (pull.base, context.last.branch))
    return base if locks[0] else None, prod if locks[1] and locks[0] != locks[1] else None


def publish(context: Context, pull: Pull, text: str) -> None:
    """Where people read it: the run's summary, and one comment that is kept up to date."""
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a") as file:
            file.write(text + "\n")
    if not pull.fork:
        context.forge.comment(pull.number, MARKER, text)
