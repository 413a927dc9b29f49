"""The loop that a demo has left running: promoted, rolled back and asked, with its seconds.

python bench/loop.py      # in the project of a demo
"""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from gitops import context, journal
from gitops.forges.local import Local

STATUS = 5  # runs of status; their median counts


def main() -> None:
    home = context.here()
    newest = latest(home, "uat")
    older = latest(home, "prod")
    show("merge to healthy, with the runner", merged(home, "promote", "--env", "prod"), 15)
    show("merge to healthy, rollback", merged(home, "rollback", "--env", "prod", "--to", older), 15)
    propose(home, "promote", "--env", "prod", "--release", newest)
    show("gitops deploy", deployed(home), 3)
    propose(home, "rollback", "--env", "prod", "--to", older)
    show("gitops deploy, rollback", deployed(home), 3)
    times = sorted(timed("status") for _ in range(STATUS))
    show("status", times[STATUS // 2], 1)


def merged(home: context.Context, *words: str) -> float:
    """Seconds from a person's merge until the tag says healthy; the runner takes part of them."""
    number = propose(home, *words)
    start = datetime.now(UTC)
    gitops("merge", "--pull", str(number))
    home.repository.fetch()
    current = journal.read(home.repository).current("prod")
    assert current
    assert current.outcome
    assert current.outcome.created > start
    return (current.outcome.created - start).total_seconds()


def deployed(home: context.Context) -> float:
    """Seconds of `gitops deploy` alone, after a merge that no runner saw."""
    forge = home.forge
    assert isinstance(forge, Local)
    forge.merge(forge.pulls(base="main")[-1].number, "squash")
    return timed("deploy", "--env", "prod")


def propose(home: context.Context, *words: str) -> int:
    """The number of the pull request that a command opens."""
    gitops(*words)
    home.repository.fetch()
    return home.forge.pulls(base="main")[-1].number


def latest(home: context.Context, environment: str) -> str:
    current = journal.read(home.repository).current(environment)
    assert current
    return current.intent.tree


def timed(*words: str) -> float:
    start = time.monotonic()
    gitops(*words)
    return time.monotonic() - start


def gitops(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "gitops", *words], check=True, capture_output=True)


def show(figure: str, value: float, bound: float) -> None:
    print(json.dumps({"figure": figure, "value": value, "unit": "s", "bound": bound}), flush=True)


if __name__ == "__main__":
    main()
