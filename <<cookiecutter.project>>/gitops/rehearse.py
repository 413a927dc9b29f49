"""The whole loop on this machine, with the workflow files that the forge runs.

    python -m gitops rehearse
    python -m gitops rehearse --target docker

Under .rehearsal/: `origin.git` is the forge, act is its runner, `origin.forge/` holds pull
requests and services, `work` is the clone of somebody who changes the model twice.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from rich.console import Console

from gitops import bundle, journal, sandbox
from gitops.bundle import LOCK
from gitops.change import ending
from gitops.context import Context
from gitops.environment import Environment
from gitops.forge import Pull
from gitops.forges.local import Local
from gitops.forges.runner import LEFT_OUT, Run, Runner
from gitops.promote import rollback
from gitops.settings import Refused

KIND = "Content-Type: application/json"
WIDTH = 58  # of the titles, so that the seconds stand in a column
# What the second model changes: file, text that stands there once, text that takes its place.
CHANGES = (
    ("params.yaml", "learning_rate: 0.05 ", "learning_rate: 0.03 "),
    ("params.yaml", "smoothing: 200 ", "smoothing: 50 "),
    ("pipeline/features.py", '    "distance",\n', '    "distance",\n    "congestion",\n'),
)
GATES = "gates of params.yaml failed"  # a red run that a person may merge all the same
SECOND = "Learn slower, smooth less, and count the departures of the hour"
EVERY = re.compile(r"(?m)^(  every: )\d+")


@dataclass
class Rehearsal:
    """The steps of the loop, each printed with its seconds."""

    context: Context
    runner: Runner
    forge: Local
    console: Console = field(default_factory=lambda: Console(highlight=False))

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        start = time.monotonic()
        with self.console.status(title):
            yield
        seconds = time.monotonic() - start
        self.console.print(f"{title:<{WIDTH}}{seconds:6.1f} s", markup=False)

    def propose(self, branch: str, title: str, change: Callable[[Path], None]) -> Pull:
        """Commit a change on a new branch, push it, open a pull request to the first branch."""
        repository = self.context.repository
        git, where = repository.git, self.context.first
        git("switch", "--quiet", "--create", branch, f"{repository.remote}/{where.branch}")
        change(repository.path)
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "--message", title)
        git("push", "--quiet", repository.remote, branch)
        return self.forge.open(branch, where.branch, title, f"{title}.\n")

    def review(self, pull: Pull) -> None:
        """Run the workflow of a pull request, and what it dispatches."""
        for run in (self.runner.opened(pull.number), *self.runner.drain()):
            if not (run.code and GATES in run.log.read_text()):
                self.green(run)

    def verdict(self, pull: Pull) -> None:
        """Say what a reviewer reads first, and where the rest is."""
        page = Path(pull.url) / "comments/review.md"
        lead = [line for line in page.read_text().splitlines() if line.strip()][1]
        self.console.print(f"  {lead}\n  {page}", markup=False, soft_wrap=True)

    def merge(self, pull: Pull, how: str) -> None:
        """Merge, and run what a push to that branch sets in motion."""
        self.forge.merge(pull.number, how)
        self.pushed(pull.base)

    def pushed(self, branch: str) -> None:
        self.green(self.runner.pushed(branch))
        self.drain()
        self.context.repository.fetch()

    def drain(self) -> None:
        """Run what was dispatched meanwhile."""
        for run in self.runner.drain():
            self.green(run)

    def green(self, run: Run) -> None:
        """Go on after a run that is green.

        Raises:
            Refused: it is red.
        """
        if run.code:
            raise Refused(f"{run.workflow} is red; see {run.log}:\n{ending(run.log.read_text())}")

    def try_it(self) -> str:
        """A command that asks the last environment about a row of its release's examples."""
        where = self.context.last
        current = journal.read(self.context.repository).current(where.name)
        if current is None:
            raise Refused(f"{where.name} runs nothing; see {self.runner.logs}")
        folder = bundle.place(self.context.home, current.intent.tree)
        row = json.loads((folder / bundle.EXAMPLES).read_text())[0]["row"]
        path = self.context.home / "row.json"
        path.write_text(json.dumps({"rows": [row]}, indent=1) + "\n")
        return f"curl -s -H '{KIND}' -d @{path} {where.url}/predict"

    def waiting(self, where: Environment) -> Pull:
        """The request that the last delivery has opened for an environment."""
        found = self.forge.pulls(base=where.branch)
        if not found:
            raise Refused(f"no pull request to {where.branch} was opened; see {self.runner.logs}")
        return found[-1]


def rehearse(root: Path, every: int, target: str | None = None) -> Rehearsal:
    """Run the loop from the project's present commit.

    Raises:
        Refused: a step fails; its log is named.
    """
    loop = prepare(root, target)
    first, *others = loop.context.environments.values()
    tip = loop.context.repository.tip(first.branch) or ""
    if loop.context.repository.file(tip, LOCK) is None:
        with loop.step("Pull request first-model: train, review"):
            pull = loop.propose(
                "first-model", "Train the first model", lambda folder: thinned(folder, every)
            )
            loop.review(pull)
        loop.verdict(pull)
        with loop.step(f"Merge: release, deploy to {first.name}"):
            loop.merge(pull, "squash")
    else:
        with loop.step(f"Deliver {first.branch}: release, deploy to {first.name}"):
            loop.pushed(first.branch)
    for where, how in zip(others, cycle(("merge", "rebase")), strict=False):
        advance(loop, where, how)
    with loop.step("Pull request second-model: change, train, review"):
        pull = loop.propose("second-model", SECOND, changed)
        loop.review(pull)
    loop.verdict(pull)
    with loop.step(f"Merge: release, deploy to {first.name}"):
        loop.merge(pull, "merge")
    for where in others:
        advance(loop, where, "squash")
    last = loop.context.last
    with loop.step(f"Pull request: roll {last.name} back"):
        back(loop, last)
    with loop.step(f"Merge: {last.name} serves the first model again"):
        loop.merge(loop.waiting(last), "squash")
    return loop


def advance(loop: Rehearsal, where: Environment, how: str) -> None:
    """Merge the promotion that waits for an environment."""
    with loop.step(f"Promote to {where.name}, by {how}"):
        loop.merge(loop.waiting(where), how)


def back(loop: Rehearsal, where: Environment) -> None:
    """Open the request that takes an environment back to the release before."""
    known = journal.read(loop.context.repository)
    healthy = [one for one in known.deployments[where.name] if one.healthy]
    if len(healthy) < 2:
        raise Refused(f"{where.name} ran one release only; there is nothing to roll back to")
    rollback(loop.context, where, healthy[-2].intent.tree, force=False)
    loop.drain()


def prepare(root: Path, target: str | None) -> Rehearsal:
    context = sandbox.lay(root, target)
    runner = Runner(context.repository, context.home, without=LEFT_OUT)
    return Rehearsal(context, runner, Local(context.repository, context.home))


def thinned(folder: Path, every: int) -> None:
    """Keep each n-th row only."""
    path = folder / "params.yaml"
    path.write_text(EVERY.sub(rf"\g<1>{every}", path.read_text()))


def changed(folder: Path) -> None:
    """Make the second model's changes.

    Raises:
        Refused: one does not apply, since the project has become another.
    """
    for name, old, new in CHANGES:
        path = folder / name
        text = path.read_text()
        if text.count(old) != 1:
            raise Refused(
                f"{name}: {old!r} stands there {text.count(old)} times, not once: "
                "give CHANGES in gitops/rehearse.py a change of your project"
            )
        path.write_text(text.replace(old, new))
