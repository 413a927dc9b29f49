"""A hotfix: from what PROD runs, past what waits in the first environment, and back to it.

    git push origin hotfix/<name>

releases its tree, if it descends from PROD's branch; the request to the next environment is
opened at once. When PROD runs it, one that brings the change back is opened.
"""

from gitops import journal
from gitops.admission import admitted
from gitops.context import Context
from gitops.environment import following
from gitops.forge import Pull
from gitops.git import Taken
from gitops.promote import overtaken, propose
from gitops.records import SHORT, Release
from gitops.release import make
from gitops.settings import Refused

PREFIX = "hotfix/"


def start(context: Context, name: str) -> str:
    """A branch from what PROD runs, checked out here; its name.

    Raises:
        Refused: the branch is there already, or the working copy holds changes.
    """
    repository, branch = context.repository, f"{PREFIX}{name}"
    runs = journal.read(repository).current(context.last.name)
    if runs is None:
        raise Refused(f"{context.last.name} runs nothing yet, so there is nothing to fix there")
    repository.run("update-index", "-q", "--refresh")  # else a touched file counts as changed
    if repository.run("diff-index", "--quiet", "HEAD", "--").returncode:
        raise Refused("the working copy holds changes: commit or stash them first")
    repository.git("check-ref-format", "--branch", branch)
    repository.git("switch", "--quiet", "--no-track", "--create", branch, runs.intent.commit)
    return branch


def release(context: Context, branch: str, commit: str) -> list[Pull]:
    """Release a hotfix and propose it to the environments after the first.

    Raises:
        Refused: it does not descend from what PROD runs, or is not trained.
    """
    repository, last = context.repository, context.last
    known = journal.read(repository)
    if known.was_healthy(last.name, repository.tree(commit)):
        return []  # nothing was changed yet, or it has arrived
    runs = known.current(last.name)
    if runs is None or not repository.is_ancestor(runs.intent.commit, commit):
        raise Refused(
            f"{branch}: does not descend from what {last.name} runs; begin it with "
            f"`make hotfix NAME=…`, or rebase it on {last.branch}"
        )
    made = make(context, commit, skipped=(context.first.name,))
    known = journal.read(repository)
    pulls = (
        propose(context, known, where, admitted(context, known, where, made.tree), "Promote")
        for where in following(context.environments, context.first.name)
        if not (overtaken(known, where, made) or known.was_healthy(where.name, made.tree))
    )
    return [pull for pull in pulls if pull]


def back(context: Context, release: Release) -> Pull | None:
    """Propose to bring a hotfix that PROD runs back to where releases are made."""
    repository, where = context.repository, context.first
    branch = f"back/{release.name}"
    tip = repository.tip(where.branch)
    if tip is None:
        return None
    title = f"Bring hotfix {release.name} back to {where.branch}"
    commit = repository.tip(branch)
    if not commit:
        base = origin(context, release, tip)
        text = f"{title}\n\nSource: {release.commit}\n"
        commit = repository.write_commit(release.tree, base, text)
        try:
            repository.push(commit, f"refs/heads/{branch}")
        except Taken:
            repository.fetch()
    if repository.merged(tip, commit) == repository.tree(tip):
        return None
    body = (
        f"PROD runs hotfix `{release.name}` by {release.by}, which {where.name} has not seen. "
        f"This brings the same change to {where.branch}, where it is trained and reviewed with "
        "what waits there. Where dvc.lock conflicts, take either side: it is made anew.\n"
    )
    pull = context.forge.open(branch, where.branch, title, body)
    context.forge.dispatch("pull-request.yml", branch, {"pull": str(pull.number)})
    return pull


def origin(context: Context, release: Release, tip: str) -> str:
    """Where the history of the first branch has the tree that the hotfix began from.

    On it as parent, the hotfix's tree is a change of its own, and merges as one.
    """
    repository = context.repository
    releases = journal.read(repository).releases
    listed = repository.git("rev-list", "--first-parent", release.commit).split()
    for commit in listed[1:]:
        found = releases.get(repository.tree(commit))
        if found and repository.is_ancestor(found.commit, tip):
            return found.commit
    raise Refused(
        f"hotfix {release.name[:SHORT]}: nothing it descends from was released on "
        f"{context.first.branch}; bring its change back by hand"
    )
