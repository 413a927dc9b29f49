"""What runs where, and every disagreement between git and the world.

Git is right: a disagreement is something in the world, and comes with the command that mends it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gitops import bundle, fingerprint, journal
from gitops.admission import admitted
from gitops.context import Context
from gitops.environment import Environment
from gitops.journal import Deployment, Journal
from gitops.records import SHORT, Outcome, Release
from gitops.registry import State
from gitops.settings import Refused
from gitops.target import Running, Target

HEAL = "make reconcile"


@dataclass(frozen=True)
class Disagreement:
    where: str  # an environment, or the name of a tag
    what: str
    mend: str  # a command


@dataclass(frozen=True)
class Place:
    """One environment, as git has it and as it is."""

    environment: str
    branch: str
    tree: str | None  # of the branch's tip
    release: str | None  # the tree that git says runs here
    number: int | None
    since: datetime | None  # healthy since then
    model_sha256: str | None
    version: int | None  # in the registry
    alias: int | None  # the version that the registry's alias names
    address: str
    answers: bool
    image: str | None  # that runs there


@dataclass(frozen=True)
class Status:
    places: list[Place]
    disagreements: list[Disagreement]


def status(context: Context, *, prove: bool = False) -> Status:
    """Compare git with what answers and what is registered.

    With `prove`, the service hashes what it holds in memory, and each hash is compared.
    """
    known = journal.read(context.repository)
    disagreements = list(records(known, context.repository.remote))
    try:
        state = context.registry.read()
    except Refused as refusal:
        state = None
        disagreements.append(Disagreement("registry", str(refusal), "see that it answers"))
    places = []
    for where in context.environments.values():
        current = known.current(where.name)
        release = known.releases.get(current.intent.tree) if current else None
        target = context.target(where)
        running = target.running()
        places.append(place(context, where, current, release, state, running))
        disagreements += branch(context, known, where, current)
        disagreements += service(context, known, where, current, release, running, prove=prove)
        if release:
            disagreements += drifted(where, target)
        if state and release:
            disagreements += registered(where, release, state)
    return Status(places, disagreements)


def place(
    context: Context,
    where: Environment,
    current: Deployment | None,
    release: Release | None,
    state: State | None,
    running: Running | None,
) -> Place:
    tip = context.repository.tip(where.branch)
    return Place(
        environment=where.name,
        branch=where.branch,
        tree=context.repository.tree(tip) if tip else None,
        release=release.tree if release else None,
        number=current.intent.number if current else None,
        since=current.outcome.created if current and current.outcome else None,
        model_sha256=release.model.sha256 if release else None,
        version=state.versions.get(release.tree) if state and release else None,
        alias=state.aliases.get(where.name) if state else None,
        address=where.url,
        answers=running is not None,
        image=running.image if running else None,
    )


def records(known: Journal, remote: str) -> Iterator[Disagreement]:
    for name, reason in known.damaged.items():
        yield Disagreement(name, reason, f"git push --delete {remote} refs/tags/{name}; {HEAL}")
    for name in known.lost.keys() - known.damaged.keys():
        yield Disagreement(name, f"{name}: was deleted; those made from it still hold it", HEAL)


def branch(
    context: Context, known: Journal, where: Environment, current: Deployment | None
) -> Iterator[Disagreement]:
    """Does the branch hold what was deployed?"""
    tip = context.repository.tip(where.branch)
    if tip is None:
        source = current.intent.commit if current else context.first.branch
        yield Disagreement(
            where.name,
            f"{where.branch}: the remote has no such branch",
            f"git push {context.repository.remote} {source}:refs/heads/{where.branch}",
        )
        return
    tree = context.repository.tree(tip)
    if context.repository.file(tip, bundle.LOCK) is None and current is None:
        return
    deliver = f"make deliver BRANCH={where.branch} COMMIT={tip}"
    if pending := known.pending(where.name):
        what = f"deployment {pending.intent.number} has begun and not ended"
        yield Disagreement(where.name, what, deliver)
        return
    if current and current.intent.tree == tree:
        return
    try:
        admitted(context, known, where, tree)
    except Refused as refusal:
        mend = deliver
        if current and where != context.first:
            mend = f"make rollback ENV={where.name} TO={current.intent.tree[:SHORT]}"
        yield Disagreement(where.name, str(refusal), mend)
        return
    if end := failed(known, where, tree):
        what = f"deployment {end.number} failed: {end.reason}"
    else:
        what = f"{where.branch} is at release {tree[:SHORT]}, which is not deployed"
    yield Disagreement(where.name, what, deliver)


def failed(known: Journal, where: Environment, tree: str) -> Outcome | None:
    """The end of the newest deployment, if this tree failed in it: people try that again."""
    newest = known.deployments[where.name][-1:]
    end = newest[0].outcome if newest else None
    return end if end and end.result == "failed" and end.tree == tree else None


def service(
    context: Context,
    known: Journal,
    where: Environment,
    current: Deployment | None,
    release: Release | None,
    running: Running | None,
    *,
    prove: bool,
) -> Iterator[Disagreement]:
    """Does what answers serve what was deployed?"""
    if current and release is None:
        return  # its record is missing, which is said already
    if current is None or release is None:
        if running:
            what = f"{running.tree[:SHORT]} answers, and git knows of no deployment"
            yield Disagreement(where.name, what, f"make stop ENV={where.name}")
        return
    if running is None:
        what = f"nothing answers at {where.url}, where {release.name} should"
        yield Disagreement(where.name, what, HEAL)
        return
    if not equal(context, known, where, release, running):
        what = f"{running.tree[:SHORT]} answers, and git says {release.name}"
        yield Disagreement(where.name, what, HEAL)
    elif not running.comes_from(made := known.image(running.tree)):
        what = f"{running.image or 'no container of ours'} answers, and its release names {made}"
        yield Disagreement(where.name, what, HEAL)
    if prove:
        held = running.files
        wrong = [path for path, sha256 in release.model.files.items() if held.get(path) != sha256]
        if wrong:
            what = f"it holds another {', '.join(wrong)} than release {release.name} names"
            yield Disagreement(where.name, what, HEAL)


def drifted(where: Environment, target: Target) -> Iterator[Disagreement]:
    """Is what was made as it was made?"""
    try:
        for what in target.drift():
            yield Disagreement(where.name, what, HEAL)
    except Refused as refusal:
        yield Disagreement(where.name, str(refusal), "as it says")


def equal(
    context: Context, known: Journal, where: Environment, release: Release, running: Running
) -> bool:
    """Is what answers the release, or one that serves the same?"""
    if running.tree == release.tree:
        return True
    other = known.releases.get(running.tree)
    if other is None:
        return False
    one, two = (fingerprint.of(context.repository, each, where.name) for each in (release, other))
    return one == two


def registered(where: Environment, release: Release, state: State) -> Iterator[Disagreement]:
    version = state.versions.get(release.tree)
    if version is None:
        yield Disagreement(where.name, f"{release.name} is not in the registry", HEAL)
    elif state.aliases.get(where.name) != version:
        now = state.aliases.get(where.name)
        what = f"alias {where.name} names version {now or 'none'}, and {release.name} is {version}"
        yield Disagreement(where.name, what, HEAL)
    recorded = release.model.version
    if version and recorded and version != recorded:
        what = f"{release.name} is version {version} there, and its record says {recorded}"
        yield Disagreement(where.name, what, "none: the number stays; its tag names the tree")
