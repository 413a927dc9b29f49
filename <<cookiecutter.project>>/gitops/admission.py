"""Which tree may run where: a release, healthy in the environments before, or forced by hand."""

import hashlib

from gitops.bundle import LOCK
from gitops.context import Context
from gitops.environment import Environment
from gitops.journal import Journal
from gitops.records import Release
from gitops.settings import Refused


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
    lock = context.repository.file(tree, LOCK) or b""
    if hashlib.sha256(lock).hexdigest() != release.lock_sha256:
        raise Refused(
            f"{name}: not believed: its tree has another {LOCK} than it says; "
            "delete it and run `make reconcile`"
        )
    if (where.name, tree) in known.forced:
        return release
    for before in where.after:
        if before not in release.skipped and not known.was_healthy(before, tree):
            way = f"promote it there first: `make promote ENV={before}`"
            if before == context.first.name:
                way = f"it must run there first, by a merge to {context.first.branch}"
            raise Refused(
                f"{where.name}: release {release.name} was never healthy in {before}; {way}"
            )
    return release


def unreleased(context: Context, known: Journal, where: Environment, tree: str) -> str:
    """Why a tree may not run: what it differs in from the release that was meant, likely."""
    what = f"{where.branch}: tree {tree[:12]} is no release, so nothing is deployed"
    if where == context.first:
        return f"{what}: `make deliver BRANCH={where.branch} COMMIT=…` releases it"
    runs = {name: one for name in (*where.after, where.name) if (one := known.current(name))}
    if not runs:
        return f"{what}, and nothing runs before it; merge to {context.first.branch} first"
    differing = {
        name: context.repository.differing(one.intent.tree, tree) for name, one in runs.items()
    }
    name, paths = min(differing.items(), key=lambda pair: len(pair[1]))
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if paths[5:] else "")
    return (
        f"{what}: it differs from {runs[name].intent.tree[:12]}, which runs in {name}, in {shown}; "
        f"`make promote ENV={where.name}` brings a released tree, and a change goes "
        f"through {context.first.branch} or `make hotfix`"
    )
