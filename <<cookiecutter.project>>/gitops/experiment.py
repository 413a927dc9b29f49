"""The experiment of a pull request: trained, its dvc.lock committed, its report written."""

import os
from pathlib import Path

from gitops import change, report
from gitops.bundle import LOCK
from gitops.context import Context
from gitops.deploy import Superseded
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
        if stale and not pull.fork:
            return hand_over(context, pull, change.with_lock(context, commit, lock, TITLE))
        base, prod = compared(context, pull)
        text, code = report.written(folder, base, prod)
    if stale:
        text = f"**{LOCK} is behind**: run `make reproduce` and commit it.\n\n{text}"
    publish(context, pull, text)
    if code:
        raise Refused(f"#{pull.number}: the review ends with gates that fail; see the report")
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
    """The commits to compare with: the base branch, and PROD where it has one."""
    repository = context.repository
    commits = [repository.tip(name) for name in (pull.base, context.last.branch)]
    base, prod = (one if one and repository.file(one, LOCK) else None for one in commits)
    return base, prod if prod != base else None


def publish(context: Context, pull: Pull, text: str) -> None:
    """Where people read it: the run's summary, and one comment that is kept up to date."""
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a") as file:
            file.write(text + "\n")
    if not pull.fork:
        context.forge.comment(pull.number, MARKER, text)
