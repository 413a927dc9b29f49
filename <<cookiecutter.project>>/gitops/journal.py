"""The story so far: each release and deployment that the tags tell, and what is wrong there."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops.git import Repository, Tag
from gitops.records import SHORT, Intent, Outcome, Release, Waiver
from gitops.settings import Refused, Strict, parse

# What each kind of tag says, and what it tags: a record hangs on the one that it was made from.
KINDS: Mapping[str, tuple[type[Strict], str]] = {
    "release": (Release, "commit"),
    "deploy": (Intent, "tag"),
    "deployed": (Outcome, "tag"),
    "forced": (Waiver, "tag"),
}


@dataclass(frozen=True, slots=True)
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

    def image(self, tree: str) -> str | None:
        """What was built of a tree."""
        return self.releases[tree].image if tree in self.releases else None

    def release(self, name: str) -> Release:
        """The release that a tree, its first digits, or its tag names.

        Raises:
            Refused: none, more than one, or one whose record is not believed.
        """
        wanted = name.removeprefix("refs/tags/").removeprefix("release/")
        found = [one for tree, one in self.releases.items() if wanted and tree.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        tag = f"release/{wanted[:SHORT]}"
        if reason := self.damaged.get(tag):
            raise Refused(reason)
        if tag in self.lost:
            raise Refused(f"{tag}: was deleted; `make reconcile` brings it back")
        known = ", ".join(one.name for one in found or list(self.releases.values())[-5:])
        what = "names several releases" if found else "no such release"
        raise Refused(f"{name!r}: {what}; `make releases` lists them ({known or 'none yet'})")


def read(repository: Repository) -> Journal:
    """Read all records; fetch first to know those of the remote."""
    journal = Journal()
    known = {tag.name: (tag, record(journal, tag, text)) for tag, text in repository.tags()}
    releases = [(tag, told) for tag, told in known.values() if isinstance(told, Release)]
    trees = peeled(repository, {tag.object for tag, _ in releases})
    for tag, release in releases:
        add_release(journal, tag, release, trees.get(tag.object))
    intents = [(tag, told) for tag, told in known.values() if isinstance(told, Intent)]
    ends = {tag.name: (tag, told) for tag, told in known.values() if isinstance(told, Outcome)}
    for tag, intent in sorted(intents, key=lambda one: one[1].number):
        end = ends.get(tag.name.replace("deploy", "deployed", 1))
        if made_from(repository, journal, tag, intent):
            add_deployment(journal, tag, intent, end)
    for name, (tag, told) in known.items():
        kind, _, rest = name.partition("/")
        if isinstance(told, Waiver):
            add_waiver(journal, tag, told)
        if kind in ("deploy", "deployed"):
            environment = rest.rpartition("/")[0]
            journal.numbers[environment] = max(journal.numbers[environment], number_of(name))
        if isinstance(told, Outcome) and (intended := f"deploy/{rest}") not in known:
            journal.damaged[name] = f"{name}: its intent {intended} is not there"
            if held(repository, tag.object, intended):
                journal.lost[intended] = tag.object
    return journal


def peeled(repository: Repository, commits: set[str]) -> dict[str, str]:
    """The tree of each commit."""
    if not commits:
        return {}
    asked = "".join(f"{commit}^{{tree}} {commit}\n" for commit in sorted(commits))
    words = ("cat-file", "--batch-check=%(objectname) %(objecttype) %(rest)")
    lines = (line.split() for line in repository.git(*words, text=asked).splitlines())
    return {line[2]: line[0] for line in lines if len(line) == 3 and line[1] == "tree"}


def add_release(journal: Journal, tag: Tag, release: Release, tree: str | None) -> None:
    if (tree, tag.object, tag.name) != (release.tree, release.commit, f"release/{release.name}"):
        journal.damaged[tag.name] = (
            f"{tag.name}: not believed: it says tree {release.name} of commit "
            f"{release.commit[:SHORT]}, and points at {tag.object[:SHORT]} "
            f"with tree {(tree or 'none')[:SHORT]}; delete it and run `make reconcile`"
        )
        return
    journal.releases[release.tree] = release
    journal.tags[release.tree] = tag.id


def made_from(repository: Repository, journal: Journal, tag: Tag, intent: Intent) -> bool:
    """Does an intent hang on a record of its release? Another one than is named now, or one that
    is named no more, is found by it."""
    if tag.name != f"deploy/{intent.environment}/{intent.number}":
        journal.damaged[tag.name] = f"{tag.name}: not believed: its record has another name"
        return False
    name = f"release/{intent.tree[:SHORT]}"
    present = journal.tags.get(intent.tree)
    if tag.object in (present, journal.lost.get(name)):
        return True
    former = held(repository, tag.object, name)
    if not isinstance(former, Release) or former.tree != intent.tree:
        journal.damaged[tag.name] = (
            f"{tag.name}: not believed: it was made from no record of {name}; delete it"
        )
        return False
    if present:
        journal.damaged[name] = (
            f"{name}: not believed: {tag.name} was made from another record of that name; delete "
            "the wrong one of the two and run `make reconcile`, which brings back what is missing"
        )
        del journal.releases[intent.tree], journal.tags[intent.tree]
    journal.lost.setdefault(name, tag.object)
    return True


def held(repository: Repository, object_: str, name: str) -> Strict | None:
    """The record of a name that an object is, whether the name is still there or not."""
    head, _, text = repository.run("cat-file", "tag", object_).stdout.partition("\n\n")
    kind, target = KINDS[name.partition("/")[0]]
    if head.splitlines()[1:3] != [f"type {target}", f"tag {name}"]:
        return None
    try:
        return parse(kind, text, name)
    except Refused:
        return None


def add_deployment(
    journal: Journal, tag: Tag, intent: Intent, end: tuple[Tag, Outcome] | None
) -> None:
    outcome = None
    if end:
        ended, outcome = end
        told = (outcome.environment, outcome.number, outcome.tree)
        if ended.object != tag.id or told != (intent.environment, intent.number, intent.tree):
            journal.damaged[ended.name] = (
                f"{ended.name}: not believed: it is not the end of {tag.name}"
            )
            outcome = None
    journal.deployments[intent.environment].append(Deployment(intent, tag.id, tag.object, outcome))


def add_waiver(journal: Journal, tag: Tag, waiver: Waiver) -> None:
    if tag.name != f"forced/{waiver.environment}/{waiver.tree[:SHORT]}":
        journal.damaged[tag.name] = f"{tag.name}: not believed: its record has another name"
        return
    journal.forced.add((waiver.environment, waiver.tree))


def record(journal: Journal, tag: Tag, text: str) -> Strict | None:
    """What a tag says, if it is a record of its kind."""
    kind, target = KINDS[tag.name.partition("/")[0]]
    try:
        if tag.kind != target:
            what = f"a tag of a {tag.kind}" if tag.kind else "a tag without a record"
            raise Refused(f"{tag.name}: not believed: is {what}, not of a {target}")
        return parse(kind, text, tag.name)
    except Refused as refusal:
        journal.damaged[tag.name] = f"{refusal}; delete the tag and run `make reconcile`"
        return None


def number_of(name: str) -> int:
    number = name.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0
