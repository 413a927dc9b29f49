"""The check on a pull request: would the merged branch hold a tree that may run there?

It is a help to people. The fence is in deploy.py, which looks at the tree that arrived.
"""

from collections.abc import Iterator

from gitops import journal
from gitops.admission import admitted
from gitops.context import Context
from gitops.environment import Environment, of_branch
from gitops.forge import Pull
from gitops.journal import Journal
from gitops.promote import PREFIX
from gitops.records import Release
from gitops.settings import Refused


def prove(context: Context, pull: Pull) -> str:
    """One line that says why the pull request may be merged.

    Raises:
        Refused: it would bring a tree that may not run, with the paths that differ.
    """
    where = of_branch(context.environments, pull.base)
    # The other checks leave such a branch to this one, whatever it asks to change.
    promotion = pull.head.startswith(PREFIX)
    if where is None and promotion:
        raise Refused(
            f"#{pull.number}: {pull.head} is checked by its proof alone, and {pull.base} is no "
            "environment's branch: give it another name"
        )
    if where is None or not (where.after or promotion):
        what = "where releases are made" if where else "no environment's branch"
        return f"#{pull.number}: nothing to prove: {pull.base} is {what}"
    tip = context.repository.tip(pull.base)
    if tip is None:
        raise Refused(f"{pull.base}: the remote has no such branch; fetch, or correct the base")
    tree = context.repository.merged(tip, pull.commit)
    if tree is None:
        raise Refused(
            f"#{pull.number} conflicts with {pull.base}; a promotion never does: "
            f"`make promote ENV={where.name}` builds one on the present tip"
        )
    if tree == context.repository.tree(tip):
        return f"#{pull.number}: {pull.base} has this tree already; merging it changes nothing"
    known = journal.read(context.repository)
    release = admitted(context, known, where, tree)
    arrives = f"#{pull.number}: arrives at release {release.name} exactly"
    return "; ".join([arrives, *reasons(known, where, release)])


def reasons(known: Journal, where: Environment, release: Release) -> Iterator[str]:
    """Why it may run there."""
    if verified := [name for name in where.after if known.was_healthy(name, release.tree)]:
        yield f"verified in {', '.join(verified)}"
    if known.was_healthy(where.name, release.tree):
        yield f"ran in {where.name} before"
    if release.skipped:
        yield f"a hotfix by {release.by}, past {', '.join(release.skipped)}"
    if (where.name, release.tree) in known.forced:
        yield f"forced: see the tag forced/{where.name}/{release.name}"
