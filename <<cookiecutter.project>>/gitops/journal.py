"""The story so far: each release and deployment that the tags tell, and what is wrong there."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gitops.git import Repository, Tag
from gitops.records import SHORT, Intent, Outcome, Release, Waiver
from gitops.settings import Refused, Strict, parse

Kind = TypeVar("Kind", bound=Strict)


@dataclass(frozen=True)
class Deployment:
    """One intent and what came of it."""

    intent: Intent
    tag: str  # the intent's object
    release: str  # the object of the release's tag, as the intent holds it
    outcome: Outcome | None

    @property
    def healthy(self) -> bool:
        return self.outcome is not None and self.outcome.result == "healthy"


@dataclass
class Journal:
    releases: dict[str, Release] = field(default_factory=dict)  # by tree
    tags: dict[str, str] = field(default_factory=dict)  # the object of a release's tag, by tree
    deployments: dict[str, list[Deployment]] = field(default_factory=lambda: defaultdict(list))
    damaged: dict[str, str] = field(default_factory=dict)  # why a tag is not believed, by its name
    lost: dict[str, str] = field(default_factory=dict)  # objects of deleted tags, by their name
    forced: set[tuple[str, str]] = field(default_factory=set)  # environment and tree
    numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # the last, used up

    def current(self, environment: str) -> Deployment | None:
        """What an environment runs: its last healthy deployment."""
        return next((one for one in reversed(self.deployments[environment]) if one.healthy), None)

    def pending(self, environment: str) -> Deployment | None:
        """A deployment under way, or left half done: the newest, if nothing came of it yet."""
        newest = self.deployments[environment][-1:]
        return newest[0] if newest and newest[0].outcome is None else None

    def was_healthy(self, environment: str, tree: str) -> bool:
        known = self.deployments[environment]
        return any(one.healthy and one.intent.tree == tree for one in known)

    def release(self, name: str) -> Release:
        """The release that a tree, its first digits, or its tag names.

        Raises:
            Refused: none, more than one, or one whose record is not believed.
        """
        wanted = name.removeprefix("refs/tags/").removeprefix("release/")
        found = [one for tree, one in self.releases.items() if wanted and tree.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        if reason := self.damaged.get(f"release/{wanted[:SHORT]}"):
            raise Refused(reason)
        known = ", ".join(one.name for one in found or list(self.releases.values())[-5:])
        what = "names several releases" if found else "no such release"
        raise Refused(f"{name!r}: {what}; `make releases` lists them ({known or 'none yet'})")


def read(repository: Repository) -> Journal:
    """Read all records; fetch first to know those of the remote."""
    known = {tag.name: tag for tag in repository.tags()}
    journal = Journal()
    trees = peeled(repository, known)
    for name, tag in known.items():
        if name.startswith("release/"):
            add_release(journal, tag, trees.get(tag.object))
    for name in sorted(known, key=number_of):
        kind, _, rest = name.partition("/")
        if kind == "forced" and (waiver := record(journal, Waiver, known[name])):
            journal.forced.add((waiver.environment, waiver.tree))
        if kind in ("deploy", "deployed"):
            environment = rest.rpartition("/")[0]
            journal.numbers[environment] = max(journal.numbers[environment], number_of(name))
        if kind == "deploy":
            add_deployment(journal, known[name], known.get(f"deployed/{rest}"))
        elif kind == "deployed" and f"deploy/{rest}" not in known:
            journal.damaged[name] = f"{name}: its intent deploy/{rest} is not there"
            journal.lost[f"deploy/{rest}"] = known[name].object
    return journal


def peeled(repository: Repository, known: Mapping[str, Tag]) -> dict[str, str]:
    """The tree of each commit that a release names."""
    commits = {tag.object for name, tag in known.items() if name.startswith("release/")}
    if not commits:
        return {}
    asked = "".join(f"{commit}^{{tree}} {commit}\n" for commit in sorted(commits))
    words = ("cat-file", "--batch-check=%(objectname) %(objecttype) %(rest)")
    lines = (line.split() for line in repository.git(*words, text=asked).splitlines())
    return {line[2]: line[0] for line in lines if len(line) == 3 and line[1] == "tree"}


def add_release(journal: Journal, tag: Tag, tree: str | None) -> None:
    release = record(journal, Release, tag)
    if release is None:
        return
    if (tree, tag.object, tag.name) != (release.tree, release.commit, f"release/{release.name}"):
        journal.damaged[tag.name] = (
            f"{tag.name}: not believed: it says tree {release.name} of commit "
            f"{release.commit[:SHORT]}, and points at {tag.object[:SHORT]} "
            f"with tree {(tree or 'none')[:SHORT]}; delete it and run `make reconcile`"
        )
        return
    journal.releases[release.tree] = release
    journal.tags[release.tree] = tag.id


def add_deployment(journal: Journal, tag: Tag, end: Tag | None) -> None:
    intent = record(journal, Intent, tag)
    if intent is None:
        return
    if tag.name != f"deploy/{intent.environment}/{intent.number}":
        journal.damaged[tag.name] = f"{tag.name}: not believed: its record has another name"
        return
    held = journal.tags.get(intent.tree)
    if held is None:
        journal.lost.setdefault(f"release/{intent.tree[:SHORT]}", tag.object)
    elif held != tag.object:
        name = f"release/{intent.tree[:SHORT]}"
        journal.damaged[name] = (
            f"{name}: not believed: {tag.name} was made from another record of that name; "
            "delete it and run `make reconcile`, which brings that record back"
        )
        journal.lost[name] = tag.object
        del journal.releases[intent.tree], journal.tags[intent.tree]
    outcome = None
    if end and (outcome := record(journal, Outcome, end)):
        told = (outcome.environment, outcome.number, outcome.tree)
        if end.object != tag.id or told != (intent.environment, intent.number, intent.tree):
            journal.damaged[end.name] = f"{end.name}: not believed: it is not the end of {tag.name}"
            outcome = None
    journal.deployments[intent.environment].append(Deployment(intent, tag.id, tag.object, outcome))


def record(journal: Journal, kind: type[Kind], tag: Tag) -> Kind | None:
    try:
        return parse(kind, tag.message, tag.name)
    except Refused as refusal:
        journal.damaged[tag.name] = f"{refusal}; delete the tag and run `make reconcile`"
        return None


def number_of(name: str) -> int:
    number = name.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0
