"""What git does not hold, in memory: a test breaks it, holds it up, counts what is asked of it."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gitops import bundle
from gitops.bundle import MODEL
from gitops.catalog import TREE, State
from gitops.environment import Environment
from gitops.records import Evidence, Release
from gitops.registry import Registry
from gitops.settings import Refused
from gitops.target import Running


@dataclass
class Memory:
    """A target whose services are entries of a dictionary. Numbers fence as real ones do."""

    environment: Environment
    up: dict[int, Running] = field(default_factory=dict)
    public: int | None = None  # whose answers clients get
    last: int = 0  # the newest that was ever switched in
    asked: list[str] = field(default_factory=list)  # of it, in order
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)  # before such a step
    otherwise: list[str] = field(default_factory=list)  # than it was made

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def url(self) -> str:
        return f"memory://{self.name}"

    def running(self, url: str | None = None) -> Running | None:
        number = (url or self.url).removeprefix(self.url).strip("/")
        return self.up.get(int(number) if number else self.public or 0)

    def start(self, number: int, bundle_: Path, image: str | None = None) -> str:
        self.step(f"start {number}")
        told = json.loads((bundle_ / bundle.MANIFEST).read_text())
        files = {path: bundle.digest(bundle_ / path) for path in told["files"]}
        self.up[number] = Running(told["tree"], self.name, number, files[MODEL], files, image)
        return f"{self.url}/{number}"

    def switch(self, number: int) -> None:
        self.step(f"switch {number}")
        former, self.public, self.last = self.public, number, number
        if former is not None and former != number:
            self.up.pop(former, None)

    def discard(self, number: int) -> None:
        self.asked.append(f"discard {number}")
        if number != self.public:
            self.up.pop(number, None)

    def drift(self) -> list[str]:
        return list(self.otherwise)

    def mend(self) -> None:
        self.otherwise.clear()

    def stop(self) -> None:
        self.up.clear()
        self.public = None

    def clear(self) -> None:
        self.stop()

    def step(self, name: str) -> None:
        self.asked.append(name)
        if action := self.meanwhile.pop(name, None):
            action()
        number = int(name.partition(" ")[2])
        if self.last > number:
            raise Refused(f"{self.name}: deployment {number} is superseded by {self.last}")


@dataclass(frozen=True)
class Listing(Registry):
    """A registry that can be lost, and be down."""

    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    down: list[str] = field(default_factory=list)  # why; empty while it answers
    meanwhile: list[Callable[[], object]] = field(default_factory=list)  # at each registration

    def read(self) -> State:
        if self.down:
            raise Refused(f"the model registry does not answer: {self.down[0]}")
        return State(dict(self.tags), dict(self.aliases))

    def alias(self, environment: str, tree: str) -> None:
        self.aliases[environment] = self.read().versions[tree]

    def run_of(self, model_sha256: str) -> str | None:
        self.read()
        return f"run of {model_sha256[:7]}"

    def register(self, release: Release, bundle: Path) -> int:
        for action in self.meanwhile:
            action()
        known = self.read().versions
        if release.tree not in known:
            self.tags[len(self.tags) + 1] = {TREE: release.tree}
        return self.read().versions[release.tree]

    def rebuild(self, releases: Iterable[Release], bundle_of: Callable[[Release], Path]) -> None:
        for release in sorted(releases, key=lambda one: one.model.version or 0):
            self.register(release, bundle_of(release))


@dataclass
class World:
    """What git does not hold."""

    registry: Listing
    targets: dict[str, Memory] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)  # why a tree's answers are wrong

    def verify(self, url: str, tree: str, folder: Path) -> Evidence:
        name = url.removeprefix("memory://").partition("/")[0]
        seen = self.targets[name].running(url)
        told = json.loads((folder / bundle.MANIFEST).read_text())
        if seen is None or (seen.tree, seen.files) != (tree, told["files"]):
            raise Refused(f"{url}: serves something else")
        if tree in self.broken:
            raise Refused(f"{url}: {self.broken[tree]}")
        return Evidence(release=tree, model_sha256=seen.model_sha256, rows=200, difference=0.0)
