"""What has happened, told at once: where the way there is not the subject of a test."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from gitops import bundle
from gitops.bundle import EXAMPLES, LOCK, MODEL
from gitops.catalog import TREE, State
from gitops.context import Context
from gitops.environment import Environment
from gitops.forges.local import Local
from gitops.git import Repository
from gitops.journal import Journal, read
from gitops.records import Model, Release
from gitops.registry import Registry
from gitops.target import Target
from tests.gitops.memory import Memory, World
from tests.gitops.repositories import (
    IDENT,
    WHEN,
    add_release,
    annotated,
    data,
    intent_of,
    json_of,
    outcome_of,
    release_of,
)
from tests.gitops.tiny import lock_of, md5, outputs_of, params_of, sha256


@dataclass(frozen=True)
class Told(Context):
    world: World

    @cached_property
    def registry(self) -> Registry:
        return self.world.registry

    def target(self, environment: Environment) -> Target:
        return self.world.targets.setdefault(environment.name, Memory(environment))


@dataclass
class Past:
    context: Told
    made: int = 0  # releases, each an hour after the one before

    @property
    def repository(self) -> Repository:
        return self.context.repository

    @property
    def world(self) -> World:
        return self.context.world

    @property
    def forge(self) -> Local:
        found = self.context.forge
        assert isinstance(found, Local)
        return found

    @property
    def journal(self) -> Journal:
        return read(self.repository)

    def at(self, name: str) -> Environment:
        return self.context.environments[name]

    def target(self, name: str) -> Memory:
        return self.world.targets.setdefault(name, Memory(self.at(name)))

    def runs(self, name: str) -> Release:
        """What an environment runs, as git has it."""
        known = self.journal
        current = known.current(name)
        assert current
        return known.releases[current.intent.tree]

    def serving(self, name: str) -> str | None:
        """The tree that an environment's clients get."""
        running = self.target(name).running()
        return running.tree if running else None

    def tip(self, branch: str) -> str:
        return self.repository.commit(f"refs/remotes/origin/{branch}")

    def tree(self, branch: str) -> str:
        return self.repository.tree(self.tip(branch))

    def commit(self, branch: str = "dev", **files: str) -> str:
        """Commit files to a branch of the remote: one process, and a fetch."""
        told = [f"commit refs/heads/{branch}\ncommitter {IDENT}\n{data(', '.join(files))}"]
        told.append(f"from refs/heads/{branch}^0\n")
        for name, text in files.items():
            told.append(f"M 644 inline {name}\n{data(text)}")
        self.tell(told)
        return self.repository.commit(f"refs/remotes/origin/{branch}")

    def tell(self, told: Iterable[str]) -> str:
        """Let the remote have what is told in the words of `git fast-import`; what it answers."""
        remote = Repository(Path(self.repository.url), "origin")
        said = remote.git("fast-import", "--quiet", "--force", text="".join(told))
        self.repository.fetch()
        return said

    def trained(self, rate: int, branch: str = "dev", **files: str) -> str:
        """Commit parameters with their dvc.lock, and put its outputs in cache and store."""
        self.store(rate, 11, *self.stores)
        changed = {"params.yaml": params_of(rate), LOCK: lock_of(rate)}
        return self.commit(branch, **(changed | files))

    def store(self, rate: int, until: int, *folders: Path) -> None:
        for content in outputs_of(rate, until).values():
            for folder in folders:
                path = folder / "files/md5" / md5(content)[:2] / md5(content)[2:]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    @property
    def stores(self) -> tuple[Path, Path]:
        """DVC's cache, and the data store beside the forge."""
        return self.repository.path / ".dvc/cache", self.repository.path.with_name("store")

    def stored(self, content: bytes) -> list[Path]:
        """Where an output lies."""
        return [one / "files/md5" / md5(content)[:2] / md5(content)[2:] for one in self.stores]

    def released(self, rate: int, branch: str = "dev", **files: str) -> Release:
        """Commit a model, record its release, and make its bundle, without waiting for DVC."""
        made = self.trained(rate, branch, **files)
        return self.recorded(made, rate)

    def recorded(self, made: str, rate: int, **changes: Any) -> Release:
        release, _ = add_release(self.repository, made, **(self.about(rate) | changes))
        self.seed(release, rate)
        return release

    def about(self, rate: int) -> dict[str, Any]:
        """What a record says of a model."""
        self.made += 1
        sha = sha256(outputs_of(rate)[MODEL])
        version = len(self.world.registry.tags) + 1
        return {
            "lock_sha256": sha256(lock_of(rate).encode()),
            "model": Model(sha256=sha, files={MODEL: sha}, version=version, run=None),
            "created": WHEN + timedelta(hours=self.made),
        }

    def seed(self, release: Release, rate: int) -> Path:
        """Register a release, and put its bundle where it is looked for."""
        content = outputs_of(rate)
        folder = bundle.place(self.context.home, release.tree)
        for path in (MODEL, EXAMPLES):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content[path])
        bundle.seal(folder, release.tree, {MODEL: sha256(content[MODEL])})
        self.world.registry.tags[len(self.world.registry.tags) + 1] = {TREE: release.tree}
        return folder

    def through(self, rate: int, last: str = "prod", **files: str) -> Release:
        """A release on its way, told at once: test_deliver.py goes it step by step."""
        made = self.trained(rate, **files)
        names = list(self.context.environments)
        promoted = names[1 : names.index(last) + 1]
        return self.ran(made, rate, {names[0]: made} | self.tips(promoted, made))

    def settle(self, rate: int) -> None:
        """A release that runs everywhere, and branches that are at one commit."""
        made = self.trained(rate)
        branches = [where.branch for where in self.context.environments.values()]
        self.tell(f"reset refs/heads/{branch}\nfrom {made}\n" for branch in branches)
        self.ran(made, rate, dict.fromkeys(self.context.environments, made))

    def tips(self, names: list[str], made: str) -> dict[str, str]:
        """Promote a commit's tree to the branches of environments."""
        told = []
        for mark, name in enumerate(names, 1):
            branch = f"refs/heads/{self.at(name).branch}"
            told.append(f"commit {branch}\nmark :{mark}\ncommitter {IDENT}\n{data('promote')}")
            told.append(f"from {branch}^0\nM 040000 {self.repository.tree(made)} \n")
            told.append(f"get-mark :{mark}\n")
        return dict(zip(names, self.tell(told).split(), strict=True)) if names else {}

    def ran(self, made: str, rate: int, tips: Mapping[str, str], **changes: Any) -> Release:
        """Record a release and that it runs where branches have these tips; let it serve there."""
        values = self.about(rate) | changes
        release = release_of(self.repository.tree(made), made, **values)
        folder, numbers = self.seed(release, rate), self.journal.numbers
        told = [annotated(f"release/{release.name}", ":1", made, json_of(release))]
        for mark, (name, tip) in enumerate(tips.items(), 2):
            intent = intent_of(release, name, numbers[name] + 1, commit=tip)
            path = f"{name}/{intent.number}"
            told.append(annotated(f"deploy/{path}", f":{mark}", ":1", json_of(intent)))
            outcome = json_of(outcome_of(intent, release))
            told.append(annotated(f"deployed/{path}", "", f":{mark}", outcome))
            self.target(name).start(intent.number, folder)
            self.target(name).switch(intent.number)
            self.world.registry.aliases[name] = len(self.world.registry.tags)
        self.tell(told)
        return release

    def resume(self) -> None:
        """Let the world be as git says."""
        known = self.journal
        tags = self.world.registry.tags
        for self.made, tree in enumerate(known.releases, 1):
            tags[self.made] = {TREE: tree}
        for name in self.context.environments:
            if current := known.current(name):
                target, number = self.target(name), current.intent.number
                target.start(number, bundle.place(self.context.home, current.intent.tree))
                target.switch(number)
                version = State(tags).versions[current.intent.tree]
                self.world.registry.aliases[name] = version
