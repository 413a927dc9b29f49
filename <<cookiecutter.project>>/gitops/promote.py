"""Promotion and rollback: a pull request that arrives at exactly the released tree.

Its head is one commit whose tree is the release's and whose only parent is the tip of the
target's branch: merged, squashed or rebased, whatever hotfix or revert the target holds, the
result is that tree.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from gitops import journal, report
from gitops.admission import admitted
from gitops.context import Context
from gitops.environment import Environment, following
from gitops.forge import Pull
from gitops.git import Taken
from gitops.journal import Journal
from gitops.records import SHORT, Release, Waiver
from gitops.settings import Refused

PREFIX = "promote/"
Kind = Literal["Promote", "Roll back"]


def promote(context: Context, where: Environment, name: str | None = None) -> Pull | None:
    """Propose what runs in the environment before, or a named release; None: it is there already.

    Raises:
        Refused: nothing runs there, the release was never healthy there, or a newer one runs here.
    """
    known = journal.read(context.repository)
    if not where.after:
        raise Refused(
            f"{where.name}: nothing comes before it: releases are made there by merging to "
            f"{where.branch}"
        )
    if name is None:
        before = known.current(where.after[-1])
        if before is None:
            raise Refused(
                f"{where.name}: nothing has run in {where.after[-1]} yet, so there is nothing to "
                f"promote; {first_step(context, where)}"
            )
        name = before.intent.tree
    release = known.release(name)
    admitted(context, known, where, release.tree)
    if reason := overtaken(known, where, release):
        raise Refused(reason)
    return propose(context, known, where, release, "Promote")


def rollback(context: Context, where: Environment, name: str, *, force: bool) -> Pull | None:
    """Propose an older release of the environment; None: it is there already.

    Raises:
        Refused: it was never healthy there, and nobody forces it.
    """
    known = journal.read(context.repository)
    release = known.release(name)
    if not known.was_healthy(where.name, release.tree) and not force:
        ran = dict.fromkeys(
            one.intent.tree[:SHORT] for one in known.deployments[where.name] if one.healthy
        )
        raise Refused(
            f"{where.name}: release {release.name} was never healthy there "
            f"(these were: {', '.join(ran) or 'none yet'}); promote it, or add FORCE=1, "
            "which is recorded"
        )
    if force:
        waive(context, known, where, release)
    return propose(context, known, where, release, "Roll back")


def waive(context: Context, known: Journal, where: Environment, release: Release) -> None:
    """Record that a rule is waived for a release in an environment, and by whom."""
    name = f"forced/{where.name}/{release.name}"
    waiver = Waiver(
        environment=where.name, tree=release.tree, by=context.by, created=datetime.now(UTC)
    )
    text = waiver.model_dump_json(by_alias=True, indent=1)
    tag = context.repository.write_tag(name, known.tags[release.tree], "tag", text)
    try:
        context.repository.push(tag, f"refs/tags/{name}")
    except Taken:
        print(f"{name}: is recorded already")


def propose(
    context: Context, known: Journal, where: Environment, release: Release, kind: Kind
) -> Pull | None:
    """The pull request that brings a release to an environment, on its branch's present tip."""
    repository = context.repository
    branch = f"{PREFIX}{where.name}/{release.name}"
    tip = repository.tip(where.branch)
    if tip is None:
        raise Refused(
            f"{where.branch}: the remote has no such branch, and {where.name} is promoted by "
            f"merging to it: `git push {repository.remote} {context.first.branch}:{where.branch}`"
        )
    if repository.tree(tip) == release.tree:
        return None
    present, words = repository.tip(branch), message(where, release, kind)
    whole = present and fits(context, present, tip, release.tree)
    commit = present if whole and repository.message(present or "") == words else None
    open_ = context.forge.pulls(head=branch, base=where.branch)
    if commit and open_:
        return open_[0]
    if commit is None:
        commit = repository.write_commit(release.tree, tip, words)
        try:
            repository.push(commit, f"refs/heads/{branch}", present)
        except Taken:
            repository.fetch()
            return propose(context, known, where, release, kind)
    title = f"{kind} {where.name} to {release.name}"
    body = report.promotion(context, known, where, release, commit)
    pull = context.forge.open(branch, where.branch, title, body)
    # What a token opens starts no workflow, and what it pushes neither.
    context.forge.dispatch("pull-request.yml", branch, {"pull": str(pull.number)})
    return pull


def fits(context: Context, commit: str, tip: str, tree: str) -> bool:
    """Is this a commit of exactly the tree, on exactly the tip?"""
    repository = context.repository
    parents = repository.git("rev-list", "--parents", "--max-count=1", commit).split()[1:]
    return parents == [tip] and repository.tree(commit) == tree


def overtaken(known: Journal, where: Environment, release: Release) -> str | None:
    """Why promoting a release would be a step back; None where it is none."""
    running = known.current(where.name)
    now = known.releases.get(running.intent.tree) if running else None
    if now is None or now.created <= release.created:
        return None
    force = "" if known.was_healthy(where.name, release.tree) else " FORCE=1"
    return (
        f"{where.name} runs the newer {now.name}; "
        f"`make rollback ENV={where.name} TO={release.name}{force}` goes back"
    )


def message(where: Environment, release: Release, kind: Kind) -> str:
    return (
        f"{kind} {where.name} to release {release.name}\n\n"
        f"Release: {release.tree}\nSource: {release.commit}\nKind: {kind.lower()}\n"
    )


def refresh(context: Context, where: Environment) -> list[str]:
    """Rebuild the open requests of an environment on its branch's tip; what was done, in words.

    A promotion that something newer has overtaken is closed: merging it would be a rollback that
    nobody asked for.
    """
    known, done = journal.read(context.repository), []
    for pull in context.forge.pulls(base=where.branch):
        prefix, _, name = pull.head.rpartition("/")
        if prefix != f"{PREFIX}{where.name}" or pull.fork:
            continue
        try:
            release = known.release(name)
        except Refused as refusal:
            if f"release/{name}" in known.damaged | known.lost:
                continue  # it may come back
            context.forge.close(pull.number, str(refusal))
            done.append(f"closed #{pull.number}: {refusal}")
            continue
        # People may change a title.
        back = "\nKind: roll back\n" in context.repository.message(pull.commit)
        kind: Kind = "Roll back" if back else "Promote"
        if kind == "Promote" and (reason := overtaken(known, where, release)):
            context.forge.close(pull.number, reason)
            done.append(f"closed #{pull.number}: {reason}")
        elif propose(context, known, where, release, kind) is None:
            reason = f"{where.branch} has this tree already; nothing is left to do"
            context.forge.close(pull.number, reason)
            done.append(f"closed #{pull.number}: {reason}")
    return done


def onward(context: Context, where: Environment, *, again: bool = True) -> Iterator[str]:
    """Propose what runs in an environment to those that wait for it; what was done, in words.

    What ran there before, or is older than what runs there, is left to people. Without `again`,
    so is what was proposed before: somebody may have closed it.
    """
    known = journal.read(context.repository)
    current = known.current(where.name)
    if current is None:
        return
    release = known.release(current.intent.tree)
    for after in following(context.environments, where.name):
        if overtaken(known, after, release) or known.was_healthy(after.name, release.tree):
            continue
        if context.repository.tip(f"{PREFIX}{after.name}/{release.name}") and not again:
            continue
        if pull := propose(context, known, after, release, "Promote"):
            yield f"{after.name}: #{pull.number} proposes {release.name}: {pull.url}"


def first_step(context: Context, where: Environment) -> str:
    if context.environments[where.after[-1]].after:
        return f"`make promote ENV={where.after[-1]}` comes first"
    return f"a merge to {context.first.branch} comes first"
