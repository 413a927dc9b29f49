"""Killed at any instant and run again, every command ends where it would have ended.

make torture            # 200 kills
make torture SEED=7     # those of an earlier run again
"""

from __future__ import annotations

import itertools
import os
import random
import time
from typing import TYPE_CHECKING

import pytest

import naive
import worlds
from gitops import bundle
from worlds import ENVIRONMENTS, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from baking import Bake

KILLS = int(os.environ.get("TORTURE", "25"))
SEED = int(os.environ.get("SEED") or time.time())
LATEST = 1.1  # of a command's own time: some kills come after its end, as some do in life


@pytest.fixture(scope="module")
def world(bake: Bake) -> Iterator[World]:
    """Return a world in which each environment has run both models."""
    baked = bake()
    assert baked.code == 0, baked.output
    made = worlds.build(baked.path)
    for variant in ("a", "b"):
        made.change(variant)
        for environment, branch in ENVIRONMENTS.items():
            made.merge(environment)
            made.run(*made.deliver(branch))
    yield made
    made.stop()


class Harness:
    """Kills commands of a story, and looks at what answers after each."""

    def __init__(self, story: Loop | Naive, random: random.Random) -> None:
        self.story, self.random = story, random
        self.times: dict[str, float] = {}
        self.kills = 0

    def run(self, kills: int) -> None:
        """Kill as often as that."""
        for kind, environment, words in self.story.commands():
            self.once(kind, environment, words)
            if self.kills == kills:
                return

    def once(self, kind: str, environment: str, words: tuple[str, ...]) -> None:
        """Kill a command at an instant, look, run it again, look; the first of a kind is timed."""
        world = self.story.world
        if kind not in self.times:
            start = time.monotonic()
            world.run(*words)
            self.times[kind] = time.monotonic() - start
        else:
            self.kills += 1
            worlds.kill(world.start(*words), self.random.uniform(0, LATEST * self.times[kind]))
            self.whole(environment)
            world.run(*words)
        self.whole(environment)
        self.story.settled(kind, environment)

    def whole(self, environment: str) -> None:
        """See that what answers is one release, and nothing but it."""
        answer = self.story.answer(environment)
        assert answer, f"{environment}: nothing answers"
        named = self.story.world.journal().releases[answer["tree"]].model.files
        held = {path: sha256 for path, sha256 in answer["files"].items() if path in named}
        assert held, f"{environment}: it holds no file of the release"
        assert held.items() <= named.items(), f"{environment}: mixed files"


class Loop:
    """Commands in the order that people would type them, and what must hold after each."""

    def __init__(self, world: World) -> None:
        self.world, self.answer = world, world.answer

    def commands(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Yield kind, environment and words of the next command, for ever."""
        world, variants = self.world, 0
        while True:
            variants += 1
            world.change("ab"[variants % 2])
            yield "deliver", "dev", world.deliver("dev")
            yield "promote", "uat", ("gitops", "promote", "--env", "uat")
            world.merge("uat")
            yield "deploy", "uat", ("gitops", "deploy", "--env", "uat")
            yield "promote", "prod", ("gitops", "promote", "--env", "prod")
            world.merge("prod")
            yield "deploy", "prod", ("gitops", "deploy", "--env", "prod")
            older = self.older("prod")
            yield "rollback", "prod", ("gitops", "rollback", "--env", "prod", "--to", older)
            world.merge("prod")
            yield "deliver", "prod", world.deliver("main")

    def older(self, environment: str) -> str:
        """Return a release that ran there before what runs there now, with the other model."""
        known = self.world.journal()
        current = known.current(environment)
        assert current
        model = known.releases[current.intent.tree].model.sha256
        ran = [one.intent.tree for one in known.deployments[environment] if one.healthy]
        return next(one for one in reversed(ran) if known.releases[one].model.sha256 != model)

    def settled(self, kind: str, environment: str) -> None:
        """See that the command has come to its end, once."""
        world, known = self.world, self.world.journal()
        assert known.damaged == {}
        assert known.lost == {}
        branch = ENVIRONMENTS[environment]
        tree = world.context.repository.tree(world.tip(branch))
        if kind in ("deploy", "deliver"):
            current = known.current(environment)
            assert current
            assert current.intent.tree == tree
            assert known.pending(environment) is None
            answer = world.answer(environment)
            assert answer
            assert answer["model_sha256"] == known.releases[tree].model.sha256
        else:
            repository = world.context.repository
            pulls = [
                one for one in world.forge.pulls(base=branch) if one.head.startswith("promote/")
            ]
            newest = pulls[-1]
            assert len({one.head for one in pulls}) == len(pulls)
            assert repository.tree(newest.commit) in known.releases
            assert repository.merged(repository.tip(branch) or "", newest.commit) == (
                repository.tree(newest.commit)
            )
        state = world.context.registry.read()
        trees = [tags["release.tree"] for tags in state.tags.values() if "release.tree" in tags]
        assert len(trees) == len(set(trees)), "one tree is registered twice"


class Naive:
    """The same promise, kept by a script that copies, restarts and tags."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.live, (self.port,) = world, folder / "live", worlds.ports(1)

    def commands(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Yield the deployment of one release after the other."""
        for tree in itertools.cycle(self.world.journal().releases):
            folder = bundle.place(self.world.context.home, tree)
            if folder.is_dir():
                words = (str(folder), str(self.live), str(self.port))
                yield "deploy", "naive", ("naive", "deploy", *words)

    def answer(self, _: str) -> dict[str, Any] | None:
        """Return what answers."""
        return worlds.asked(naive.url(self.port))

    def settled(self, _kind: str, _environment: str) -> None:
        """Ask for no more than `whole` does."""


def test_killed_at_any_instant(world: World) -> None:
    print(f"seed {SEED}, {KILLS} kills")
    Harness(Loop(world), random.Random(SEED)).run(KILLS)  # noqa: S311


def test_a_naive_script_does_not_survive(world: World, tmp_path: Path) -> None:
    story = Naive(world, tmp_path)
    harness = Harness(story, random.Random(SEED))  # noqa: S311
    print(f"seed {SEED}")
    try:
        with pytest.raises(AssertionError, match=r"nothing answers|mixed files"):
            harness.run(max(KILLS, 200))  # a dozen is usual; it must not depend on luck
        print(f"broken by kill {harness.kills}")
        assert harness.kills, "it breaks without a kill, which proves nothing"
    finally:
        naive.stop(story.live)
