"""A deployment: claimed by its number, brought up, verified, switched in, recorded.

What arrives is fenced three times: the commit must be its branch's tip, its tree a release that
was healthy in the environments before, and the number the newest, when clients are switched.
"""

import os
import socket
import uuid
from datetime import UTC, datetime
from pathlib import Path

from gitops import bundle, fingerprint, journal
from gitops.context import Context
from gitops.environment import Environment
from gitops.git import Taken
from gitops.journal import Deployment, Journal
from gitops.records import Evidence, Intent, Outcome, Release
from gitops.settings import Refused
from gitops.target import Running, Target
from gitops.verify import verify


class Superseded(Refused):
    """Something newer is under way; this does nothing more."""


def deploy(context: Context, where: Environment, commit: str) -> Outcome:
    """Bring the tree of a branch's tip to its environment. Safe to call again at any time.

    Raises:
        Superseded: the branch has moved on, or a newer deployment has begun.
        Refused: the tree may not run there, or does not; what served before goes on serving.
    """
    repository = context.repository
    tip = repository.tip(where.branch)
    if tip != commit:
        raise Superseded(
            f"{where.branch} is at {(tip or 'nothing')[:12]} now, not at {commit[:12]}: "
            "its own run delivers it; nothing is deployed here"
        )
    known = journal.read(repository)
    release = admitted(context, known, where, repository.tree(commit))
    target = context.target(where)
    current, running = known.current(where.name), target.running()
    done = known.pending(where.name) is None and serves(current, running)
    if done and current and current.outcome and current.intent.tree == release.tree:
        return current.outcome
    intent, tag = claim(context, known, where, release, commit)
    try:
        touched, evidence = bring_up(context, where, intent, release, target, current, running)
    except Superseded:
        raise
    except Refused as refusal:
        conclude(context, intent, tag, reason=str(refusal))
        still = f"deployment {current.intent.number}" if current and running else "nothing"
        raise Refused(
            f"{where.name}: deployment {intent.number} of {release.name} failed: {refusal}\n"
            f"{still} goes on serving at {target.url}"
        ) from None
    return conclude(context, intent, tag, touched=touched, evidence=evidence)


def admitted(context: Context, known: Journal, where: Environment, tree: str) -> Release:
    """The release of a tree, if it may run there.

    Raises:
        Refused: it is no release, or was not healthy in the environments before.
    """
    name = f"release/{tree[:12]}"
    if tree not in known.releases:
        if name in known.damaged:
            raise Refused(known.damaged[name])
        if name in known.lost:
            raise Refused(f"{name}: was deleted; `make reconcile` brings it back")
        raise Refused(unreleased(context, known, where, tree))
    release = known.releases[tree]
    if (where.name, tree) in known.forced:
        return release
    for before in where.after:
        if before not in release.skipped and not known.was_healthy(before, tree):
            raise Refused(
                f"{where.name}: release {release.name} was never healthy in {before}; "
                f"promote it there first: `make promote ENV={before}`"
            )
    return release


def unreleased(context: Context, known: Journal, where: Environment, tree: str) -> str:
    """Why a tree may not run: what it differs in from the release that was meant, likely."""
    for name in (*where.after, where.name):
        if near := known.current(name):
            paths = context.repository.differing(near.intent.tree, tree)
            shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if paths[5:] else "")
            return (
                f"{where.branch}: tree {tree[:12]} is no release, so nothing is deployed: it "
                f"differs from {near.intent.tree[:12]}, which runs in {name}, in {shown}; "
                f"`make promote ENV={where.name}` brings a released tree, and a change goes "
                f"through {context.first.branch} or `make hotfix`"
            )
    return (
        f"{where.branch}: tree {tree[:12]} is no release, and nothing runs before it; "
        f"merge to {context.first.branch} first"
    )


def serves(current: Deployment | None, running: Running | None) -> bool:
    """Does what answers serve what the deployment saw?"""
    evidence = current.outcome.evidence if current and current.outcome else None
    return bool(running and evidence and running.tree == evidence.release)


def claim(
    context: Context, known: Journal, where: Environment, release: Release, commit: str
) -> tuple[Intent, str]:
    """The next number of an environment, ours alone, with the object of its tag."""
    repository = context.repository
    while True:
        intent = Intent(
            environment=where.name,
            number=known.numbers[where.name] + 1,
            tree=release.tree,
            commit=commit,
            worker=worker(),
            forced=(where.name, release.tree) in known.forced,
            by=context.by,
            created=datetime.now(UTC),
            url=context.run_url,
        )
        name = f"deploy/{where.name}/{intent.number}"
        text = intent.model_dump_json(by_alias=True, indent=1)
        tag = repository.write_tag(name, known.tags[release.tree], "tag", text)
        try:
            repository.push(tag, f"refs/tags/{name}")
        except Taken:
            repository.fetch()
            known = journal.read(repository)
            if repository.tip(where.branch) != commit:
                raise Superseded(f"{where.branch} has moved on; its own run delivers it") from None
            continue
        return intent, tag


def bring_up(
    context: Context,
    where: Environment,
    intent: Intent,
    release: Release,
    target: Target,
    current: Deployment | None,
    running: Running | None,
) -> tuple[bool, Evidence]:
    """Make the environment serve a release; whether it was touched for that, and what was seen."""
    files = bundle.make(context.repository, release, context.home)
    if running and serves(current, running):
        before = journal.read(context.repository).releases.get(running.tree)
        hashes = [
            fingerprint.of(context.repository, one, where.name) for one in (release, before) if one
        ]
        if len(hashes) == 2 and hashes[0] == hashes[1]:
            return False, verify(target.url, running.tree, bundle.place(context.home, running.tree))
    return True, swap(context, target, release, intent.number, files)


def swap(context: Context, target: Target, release: Release, number: int, files: Path) -> Evidence:
    """Bring up a release beside what serves, verify it, and only then let clients reach it.

    Raises:
        Superseded: a newer deployment has begun.
        Refused: it does not come up, or answers otherwise; what served before goes on serving.
    """
    url = target.start(number, files)
    try:
        evidence = verify(url, release.tree, files)
        newest(context, target.name, number)
        target.switch(number)
    except BaseException:
        target.discard(number)
        raise
    return evidence


def newest(context: Context, environment: str, number: int) -> None:
    """Go on only as the newest deployment of the environment."""
    context.repository.fetch()
    last = journal.read(context.repository).numbers[environment]
    if last != number:
        raise Superseded(
            f"{environment}: deployment {number} is superseded by {last}; it changes nothing"
        )


def conclude(
    context: Context,
    intent: Intent,
    tag: str,
    *,
    touched: bool = False,
    evidence: Evidence | None = None,
    reason: str | None = None,
) -> Outcome:
    """Record what came of a deployment; the first word counts."""
    outcome = Outcome(
        environment=intent.environment,
        number=intent.number,
        tree=intent.tree,
        result="healthy" if evidence else "failed",
        reason=reason,
        touched=touched,
        evidence=evidence,
        worker=worker(),
        created=datetime.now(UTC),
    )
    name = f"deployed/{intent.environment}/{intent.number}"
    text = outcome.model_dump_json(by_alias=True, indent=1)
    object_ = context.repository.write_tag(name, tag, "tag", text)
    context.repository.push(object_, f"refs/tags/{name}")
    return outcome


def worker() -> str:
    """This attempt: no other ever has its name."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
