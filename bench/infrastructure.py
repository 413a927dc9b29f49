"""Environments that terraform makes, and the same releases brought up by docker compose.

python bench/infrastructure.py      # in the project of a demo; needs an engine and terraform

The rehearsal that stands there is made anew, on every 40th row: what is measured does not depend
on how long a training takes.
"""

import contextlib
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import compose
import loop
from commands import Failed, make, median
from figures import note, show

from gitops import context, engine
from gitops.targets import gateway, interpreter
from gitops.targets.terraform import synth

EVERY = 40
ROUNDS = 3  # of a release brought up; their median counts
WORK = Path(".rehearsal/work").absolute()
# The peer's gateway holds requests for as long as ours; said beside its seconds is what it lacks.
LACKS = (
    "compose verifies nothing, neither before clients are led to a release nor after; it has one",
    "slot, so the former ends before the next begins; nothing records what ran, nothing is fenced",
)


def main() -> None:
    if missing := lacking():
        note(f"infrastructure: left out, as {missing}")
        return
    try:
        make("rehearse", "TARGET=terraform", f"EVERY={EVERY}")
    except Failed as failed:  # a provider or an image can't be had
        note(f"infrastructure: left out, as {failed}")
    else:
        measure()
    finally:
        for path in WORK.glob("environments/*.toml"):
            with contextlib.suppress(Failed):  # there is nothing of it
                make("destroy", f"ENV={path.stem}", "FORCE=1", cwd=WORK)


def measure() -> None:
    os.chdir(WORK)
    home = context.here()
    merges(home)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        beside(home, Path(folder))
    show("terraform, a plan without changes", median(lambda: unchanged("prod")), "s", 3)
    show("terraform, synth", median(lambda: declared(home)), "s", 2)


def lacking() -> str | None:
    """Why nothing can be made here; None where it can."""
    if not shutil.which("terraform"):
        return "no terraform is on PATH"
    return engine.is_there()


def merges(home: context.Context) -> None:
    """A promotion and a rollback, each by the runner, from a person's merge on."""
    newest, older = (loop.latest(home, name) for name in ("uat", "prod"))
    promote, rollback = words(newest, older)
    show("terraform, merge to healthy, with the runner", loop.merged(home, *promote), "s", 30)
    show("terraform, merge to healthy, rollback", loop.merged(home, *rollback), "s", 30)


def words(newest: str, older: str) -> tuple[tuple[str, ...], ...]:
    """To one release, and back to the other."""
    return (
        ("promote", "--env", "prod", "--release", newest),
        ("rollback", "--env", "prod", "--to", older),
    )


def beside(home: context.Context, folder: Path) -> None:
    """The two releases in turn, each by terraform and, a moment later, by compose."""
    newest, older = (loop.latest(home, name) for name in ("uat", "prod"))
    where = home.environments["prod"]
    peer, ours, theirs, merged = None, [], [], []
    seen: dict[str, list[compose.Watch]] = {"terraform": [], "compose": []}
    if command := compose.command():
        image = gateway.chosen(where.gateway)
        peer = compose.Compose(folder, command, where, image, compose.free_port())
        peer.merged(image_of(home), 1)
    for turn in range(2 * ROUNDS):
        loop.propose(home, *words(newest, older)[turn % 2])
        with compose.Watch(where.url) as watch:
            ours.append(loop.deployed(home))
        seen["terraform"].append(watch)
        if peer:
            with compose.Watch(peer.url) as watch:
                whole, up = peer.merged(image_of(home), turn + 2)
            merged.append(whole)
            theirs.append(up)
            seen["compose"].append(watch)
    show("terraform, gitops deploy of another release", statistics.median(ours), "s", 10)
    note(answered(seen["terraform"]))
    if not peer:
        note("docker compose: left out, as neither docker compose nor docker-compose is here")
        return
    peer.down()
    note(
        f"docker compose up: {statistics.median(theirs):.3g} s until the release answers, "
        f"{statistics.median(merged):.3g} s from its merge on"
    )
    note(answered(seen["compose"]))
    for line in LACKS:
        note(line)


def answered(seen: Sequence[compose.Watch]) -> str:
    """What clients saw meanwhile."""
    failed, asked = sum(one.failed for one in seen), sum(one.asked for one in seen)
    longest = statistics.median(one.longest for one in seen)
    return f"{failed} of {asked:,} requests failed meanwhile; one waited for {longest:.2g} s"


def image_of(home: context.Context) -> str:
    """What PROD runs, by digest."""
    running = home.target(home.environments["prod"]).running()
    assert running
    assert running.image
    return running.image


def unchanged(name: str) -> None:
    said = make("plan", f"ENV={name}")
    assert "nothing changes" in said, said


def declared(home: context.Context) -> None:
    """The program that declares all environments, as if nobody had asked it before."""
    root = home.repository.path
    with tempfile.TemporaryDirectory() as folder:
        python = interpreter.make(home.home, root, synth.LOCK)
        synth.declare(python, root, Path(folder) / "out")


if __name__ == "__main__":
    main()
