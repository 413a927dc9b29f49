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
from gitops.admission import admitted
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
        Refused: the tree may not run there, or does not, and what served before goes on serving;
            or this machine is none to serve from.
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
    target = context.lasting(where)
    current, running = known.current(where.name), target.running()
    done = known.pending(where.name) is None and serves(known, current, running)
    if done and current and current.outcome and current.intent.tree == release.tree:
        return current.outcome
    try:
        intent, tag = claim(context, known, where, release, commit, running)
    except Taken:
        # Another worker has this number: what is left to do is seen anew.
        repository.fetch()
        return deploy(context, where, commit)
    try:
        touched, evidence = bring_up(context, known, where, intent, release, target, running)
    except Superseded:
        raise
    except Refused as refusal:
        newest(context, where.name, intent.number)
        conclude(context, intent, tag, reason=str(refusal))
        still = f"deployment {current.intent.number}" if current and running else "nothing"
        raise Refused(
            f"{where.name}: deployment {intent.number} of {release.name} failed: {refusal}\n"
            f"{still} goes on serving at {target.url}"
        ) from None
    return conclude(context, intent, tag, touched=touched, evidence=evidence)


def serves(known: Journal, current: Deployment | None, running: Running | None) -> bool:
    """Does what answers serve what the deployment saw, with the files that its release names?"""
    evidence = current.outcome.evidence if current and current.outcome else None
    release = known.releases.get(current.intent.tree) if current else None
    if not (running and evidence and release):
        return False
    return running.tree == evidence.release and holds(known, running, release)


def holds(known: Journal, running: Running, release: Release) -> bool:
    """Is its image that of its own tree, and are the files in its memory those of the release?"""
    files = release.model.files.items() <= running.files.items()
    return files and running.comes_from(known.image(running.tree))


def claim(
    context: Context,
    known: Journal,
    where: Environment,
    release: Release,
    commit: str,
    running: Running | None,
) -> tuple[Intent, str]:
    """The next number of an environment, ours alone, with the object of its tag.

    Raises:
        Taken: another worker has it.
    """
    intent = Intent(
        environment=where.name,
        # Where tags were deleted, what runs may have a higher one, and would not be replaced.
        number=max(known.numbers[where.name], running.number if running else 0) + 1,
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
    tag = context.repository.write_tag(name, known.tags[release.tree], "tag", text)
    context.repository.push(tag, f"refs/tags/{name}")
    return intent, tag


def bring_up(
    context: Context,
    known: Journal,
    where: Environment,
    intent: Intent,
    release: Release,
    target: Target,
    running: Running | None,
) -> tuple[bool, Evidence]:
    """Make the environment serve a release; whether it was touched for that, and what was seen."""
    files = bundle.make(context.repository, release, context.home)
    before = known.releases.get(running.tree) if running else None
    if running and before and serves(known, known.current(where.name), running):
        one, two = (fingerprint.of(context.repository, it, where.name) for it in (before, release))
        if one == two and not unheard(known, where, running):
            former = bundle.make(context.repository, before, context.home)
            evidence = verify(target.url, before.tree, former)
            newest(context, where.name, intent.number)
            return False, evidence
    return True, swap(context, target, release, intent.number, files)


def unheard(known: Journal, where: Environment, running: Running) -> bool:
    """Has a worker begun since, of which nothing was heard? It may yet wake and switch.

    The target refuses it once a newer number is switched in, so then nothing is left alone.
    """
    since = (one for one in known.deployments[where.name] if one.intent.number > running.number)
    return any(one.outcome is None for one in since)


def swap(context: Context, target: Target, release: Release, number: int, files: Path) -> Evidence:
    """Bring up a release beside what serves, verify it, and only then let clients reach it.

    Raises:
        Superseded: a newer deployment has begun.
        Refused: it does not come up, or answers otherwise; what served before goes on serving.
    """
    url = target.start(number, files, release.image)
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
    try:
        context.repository.push(object_, f"refs/tags/{name}")
    except Taken:
        raise Refused(
            f"{name}: written by somebody else while this deployment ran; `make status`"
        ) from None
    return outcome


def worker() -> str:
    """This attempt: no other ever has its name."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
