"""Whole stories on a real repository: releases, deployments, promotions, told step by step.

git, DVC and the forge of this machine are real; what serves and the registry live in memory, so
that a test can break them, hold them up, and count what was asked of them.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from gitops import bundle, environment, forge
from gitops.bundle import EXAMPLES, LOCK, METRICS, MODEL
from gitops.catalog import TREE, State
from gitops.context import Context
from gitops.deploy import deploy
from gitops.environment import Environment
from gitops.forge import Pull
from gitops.forges.local import Local
from gitops.git import Repository
from gitops.journal import Journal, read
from gitops.promote import promote, rollback
from gitops.records import Evidence, Model, Outcome, Release
from gitops.registry import Registry
from gitops.settings import Refused
from gitops.target import Running, Target
from tests.gitops.repositories import (
    IDENT,
    WHEN,
    add_release,
    annotated,
    clone_of,
    data,
    forge_of,
    intent_of,
    json_of,
    outcome_of,
    release_of,
)
from tests.projects import ROOT, command, copy_of, succeed

FIX = "hotfix/it"
WORKFLOW = "on:\n  workflow_dispatch:\n    inputs:\n      pull: {required: true}\n"
# The smallest pipeline that is one: what it makes follows from the parameters alone.
STAGE = """stages:
  train:
    cmd: python train.py
    params: [ingest, train]
    deps: [train.py]
    outs: [models/model.onnx, reports/examples.json]
    metrics: [reports/metrics.json]
"""
TRAIN = """import json, pathlib, re
text = pathlib.Path("params.yaml").read_text()
until, rate = (int(re.search(key + r": (\\d+)", text)[1]) for key in ("until", "rate"))
for folder in ("models", "reports"):
    pathlib.Path(folder).mkdir(exist_ok=True)
pathlib.Path("models/model.onnx").write_text(f"rate {rate} until {until}\\n")
pathlib.Path("reports/examples.json").write_text("[]\\n")
metrics = {"model": {"roc_auc": rate / 10}}
pathlib.Path("reports/metrics.json").write_text(json.dumps(metrics))
"""


def params_of(rate: int, until: int = 11) -> str:
    return f"ingest:\n  until: {until}  # the last month\n\ntrain:\n  rate: {rate}\n"


def outputs_of(rate: int, until: int = 11) -> dict[str, bytes]:
    """What the stage makes of these parameters."""
    return {
        MODEL: f"rate {rate} until {until}\n".encode(),
        EXAMPLES: b"[]\n",
        METRICS: json.dumps({"model": {"roc_auc": rate / 10}}).encode(),
    }


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def lock_of(rate: int, until: int = 11) -> str:
    """The dvc.lock that `dvc repro` writes for these parameters."""

    def entry(path: str, content: bytes) -> list[str]:
        hashed = ["hash: md5", f"md5: {md5(content)}", f"size: {len(content)}"]
        return [f"    - path: {path}", *(f"      {line}" for line in hashed)]

    made = sorted(outputs_of(rate, until).items())
    lines = ["schema: '2.0'", "stages:", "  train:", "    cmd: python train.py", "    deps:"]
    lines += entry("train.py", TRAIN.encode())
    lines += ["    params:", "      params.yaml:", "        ingest:", f"          until: {until}"]
    lines += ["        train:", f"          rate: {rate}", "    outs:"]
    lines += [line for path, content in made for line in entry(path, content)]
    return "\n".join(lines) + "\n"


@dataclass
class Memory:
    """A target whose services are entries of a dictionary. Numbers fence as real ones do."""

    environment: Environment
    up: dict[int, Running] = field(default_factory=dict)
    public: int | None = None  # whose answers clients get
    last: int = 0  # the newest that was ever switched in
    asked: list[str] = field(default_factory=list)  # of it, in order
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)  # before such a step

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def url(self) -> str:
        return f"memory://{self.name}"

    def running(self, url: str | None = None) -> Running | None:
        number = (url or self.url).removeprefix(self.url).strip("/")
        return self.up.get(int(number) if number else self.public or 0)

    def start(self, number: int, bundle_: Path) -> str:
        self.step(f"start {number}")
        told = json.loads((bundle_ / bundle.MANIFEST).read_text())
        files = {path: bundle.digest(bundle_ / path) for path in told["files"]}
        self.up[number] = Running(told["tree"], self.name, number, files[MODEL], files)
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

    def stop(self) -> None:
        self.up.clear()
        self.public = None

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


@dataclass(frozen=True)
class Told(Context):
    world: World

    @cached_property
    def registry(self) -> Registry:
        return self.world.registry

    def target(self, environment: Environment) -> Target:
        return self.world.targets.setdefault(environment.name, Memory(environment))


@dataclass
class Story:
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

    def deploy(self, name: str) -> Outcome:
        where = self.at(name)
        return deploy(self.context, where, self.tip(where.branch))

    def propose(self, name: str, release: str | None = None) -> Pull:
        pull = promote(self.context, self.at(name), release)
        assert pull
        return pull

    def merge(self, pull: Pull, how: str = "squash") -> str:
        made = self.forge.merge(pull.number, how)
        self.repository.fetch()
        return made

    def back(self, name: str, release: str, *, force: bool = False, how: str = "squash") -> None:
        """Open the request that rolls an environment back, and merge it."""
        pull = rollback(self.context, self.at(name), release, force=force)
        assert pull
        self.merge(pull, how)

    def promoted(self, name: str, release: str | None = None, how: str = "squash") -> Outcome:
        self.merge(self.propose(name, release), how)
        return self.deploy(name)

    def hotfixed(self, rate: int = 1, **files: str) -> str:
        """Push a branch from what PROD runs, with a trained change; its commit."""
        base = self.journal.current(self.context.last.name)
        assert base
        ref = f"+{base.intent.commit}:refs/heads/{FIX}"
        self.repository.git("push", "--quiet", "origin", ref)
        return self.trained(rate, FIX, **files)

    def delete(self, *names: str) -> None:
        """Delete tags of the remote, as anybody with a clone can."""
        refs = (f":refs/tags/{name}" for name in names)
        succeed("git", "push", "--quiet", "origin", *refs, cwd=self.repository.path)
        self.repository.fetch()

    def forge_tag(self, name: str, object_: str, kind: str, message: str) -> None:
        """Put another tag in the place of one."""
        tag = self.repository.write_tag(name, object_, kind, message)
        succeed(
            "git", "push", "--quiet", "--force", "origin", f"{tag}:refs/tags/{name}",
            cwd=self.repository.path,
        )  # fmt: skip
        self.repository.fetch()

    def colleague(self, name: str = "colleague") -> "Story":
        """The same world, from another clone."""
        context = self.context
        other = clone_of(self.repository, name)
        other.fetch()
        told = Told(other, context.environments, context.project, context.home, context.world)
        return Story(told, self.made)


def founded(folder: Path, extra: Mapping[str, str] | None = None) -> None:
    """A forge whose branches hold one tree without a model, and a clone; `extra` is in it too."""
    repository = forge_of(folder)
    path, remote = repository.path, folder / "origin.git"
    config = ["[core]", "    remote = store", "    analytics = false"]
    files = {
        ".dvc/config": "\n".join([*config, ""]),
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        ".gitignore": "/models/\n/reports/\n__pycache__/\n",
        ".github/workflows/pull-request.yml": WORKFLOW,
        "dvc.yaml": STAGE,
        "train.py": TRAIN,
        "params.yaml": params_of(0),
        "pipeline/features.py": "FEATURES = ()\n",
        "README.md": "# flights\n",
    } | dict(extra or {})
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    # They say whether a dvc.lock is up to date.
    for room, name in (("review", "lock.py"), ("pipeline", "stage.py")):
        (path / room).mkdir(exist_ok=True)
        (path / room / "__init__.py").touch()
        shutil.copy(ROOT / room / name, path / room)
    environments = environment.read(path / environment.FOLDER)
    succeed("git", "add", "--all", cwd=path)
    succeed("git", "commit", "--quiet", "--amend", "--message", "first", cwd=path)
    heads = (f"+HEAD:refs/heads/{one.branch}" for one in environments.values())
    succeed("git", "push", "--quiet", "origin", *heads, cwd=path)
    repository.fetch()
    for git in (remote, path / ".git"):
        shutil.rmtree(git / "hooks")
        # No housekeeping, which would run beside the test.
        with (git / "config").open("a") as file:
            file.write("[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n")
            file.write("[receive]\n\tautogc = false\n")


def packed(folder: Path) -> None:
    """Few files, since each story copies them."""
    for name in ("origin.git", "clone"):
        succeed("git", "gc", "--quiet", "--prune=now", cwd=folder / name)


def opened(folder: Path, patch: pytest.MonkeyPatch) -> Story:
    """The story of a folder that was founded, or of a copy of one."""
    repository = Repository(folder / "clone", "origin")
    config = repository.path / ".git/config"
    config.write_text(re.sub(r"url = .*", f"url = {folder}/origin.git", config.read_text()))
    environments = environment.read(repository.path / environment.FOLDER)
    home = forge.home(repository)
    world = World(Listing("memory:", "flights", home))
    for name in ("GITHUB_ACTOR", "GITHUB_RUN_ID", "GITHUB_STEP_SUMMARY"):
        patch.delenv(name, raising=False)
    # The tree is the same in each copy, so it can't say where the store is.
    (folder / "dvc").mkdir(exist_ok=True)
    (folder / "dvc/config").write_text(f"['remote \"store\"']\n    url = {folder}/store\n")
    patch.setenv("DVC_GLOBAL_CONFIG_DIR", str(folder / "dvc"))
    patch.setattr("gitops.deploy.verify", world.verify)
    # A review costs seconds; test_report.py makes one.
    patch.setattr("gitops.report.review", lambda *_: "The review.")
    return Story(Told(repository, environments, "flights", home, world))


def real(pipeline_run: Path, folder: Path) -> Story:
    """A forge whose dev holds what the template's own pipeline has made; nothing is released."""
    path = copy_of(pipeline_run, folder)
    config = path / ".dvc/config"
    # Absolute: a checkout elsewhere asks the same store.
    config.write_text(config.read_text().replace("../../store", str(folder / "store")))
    succeed("git", "commit", "--quiet", "--all", "--message", "An absolute store", cwd=path)
    succeed("git", "clone", "--quiet", "--bare", str(path), "origin.git", cwd=folder)
    succeed("git", "remote", "add", "origin", str(folder / "origin.git"), cwd=path)
    repository = Repository(path, "origin")
    repository.fetch()
    home = forge.home(repository)
    environments = environment.read(ROOT / environment.FOLDER)
    world = World(Listing("memory:", "flights", home))
    return Story(Told(repository, environments, "flights", home, world))


@dataclass(frozen=True)
class Trainer:
    """Does at once what `change.train` does with DVC, which test_change.py waits for."""

    story: Story

    def train(self, context: Context, folder: Path, tree: str, *, push: bool = True) -> str:
        text = (folder / "params.yaml").read_text()
        rate, until = (int(re.findall(rf"{key}: (\d+)", text)[0]) for key in ("rate", "until"))
        self.story.store(rate, until, *self.story.stores[: 1 + push])
        lock = lock_of(rate, until)
        (folder / LOCK).write_text(lock)
        return lock


def merged_by_hand(story: Story, pull: Pull, how: str) -> str:
    """Merge by git itself in a clone of its own, and push: no forge has a hand in it.

    Raises:
        AssertionError: it conflicts.
    """
    path = story.repository.path.with_name(f"by-hand-{pull.number}")
    succeed("git", "clone", "--quiet", story.repository.url, str(path), cwd=path.parent)
    head = f"origin/{pull.head}"
    succeed("git", "switch", "--quiet", pull.base, cwd=path)
    if how == "merge":
        succeed("git", "merge", "--quiet", "--no-ff", "--no-edit", head, cwd=path)
    elif how == "squash":
        succeed("git", "merge", "--quiet", "--squash", head, cwd=path)
        succeed("git", "commit", "--quiet", "--message", "squashed", cwd=path)
    else:
        succeed("git", "switch", "--quiet", "--detach", head, cwd=path)
        succeed("git", "rebase", "--quiet", pull.base, cwd=path)
        succeed("git", "branch", "--force", pull.base, "HEAD", cwd=path)
    succeed("git", "push", "--quiet", "origin", pull.base, cwd=path)
    story.repository.fetch()
    return story.tip(pull.base)


def conflicts(story: Story, pull: Pull) -> bool:
    path = story.repository.path
    words = ("merge-tree", "--write-tree", f"origin/{pull.base}", f"origin/{pull.head}")
    return command("git", *words, cwd=path).returncode == 1
