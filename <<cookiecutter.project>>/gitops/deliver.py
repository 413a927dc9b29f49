"""What a push sets in motion: release, deploy, project, and propose the next step."""

import sys
from collections.abc import Callable, Iterator

from gitops import change, hotfix, journal, promote
from gitops.bundle import LOCK
from gitops.context import Context
from gitops.deploy import Superseded, deploy
from gitops.environment import Environment, of_branch
from gitops.forge import Pull
from gitops.git import Taken
from gitops.release import NoModel, Stale, make
from gitops.settings import Refused


def deliver(context: Context, branch: str, commit: str) -> Iterator[str]:
    """Deliver a commit that a branch was pushed to; yields what was done.

    Raises:
        Refused: it may not run there, or does not.
    """
    where = of_branch(context.environments, branch)
    try:
        if branch.startswith(hotfix.PREFIX):
            yield from released_hotfix(context, branch, commit)
        elif where is None:
            yield f"{branch}: no environment's branch; nothing to deliver"
        elif context.repository.file(commit, LOCK) is None and nothing_yet(context, where):
            yield (
                f"{branch}: no model yet, and that is no failure: on a branch run "
                f"`make reproduce`, commit, and open a pull request to {context.first.branch}"
            )
        else:
            yield from to_environment(context, where, commit)
    except Superseded as refusal:
        yield str(refusal)


def nothing_yet(context: Context, where: Environment) -> bool:
    return not journal.read(context.repository).deployments[where.name]


def to_environment(context: Context, where: Environment, commit: str) -> Iterator[str]:
    context.lasting(where)  # or not even a release: its registry lies on this machine too
    if where == context.first:
        try:
            yield f"release {make(context, commit).name}"
        except Stale as refusal:
            opened = bring_up_to_date(context, where.branch, commit)
            raise Refused(
                f"{refusal}\n#{opened.number} brings it up to date: {opened.url}"
            ) from None
    outcome = deploy(context, where, commit)
    how = "" if outcome.touched else " (what serves is equal, and was left alone)"
    yield f"{where.name}: deployment {outcome.number} is healthy at {where.url}{how}"
    release = journal.read(context.repository).releases[outcome.tree]
    helpful(lambda: context.registry.alias(where.name, release.tree))
    yield from helpful(lambda: promote.refresh(context, where)) or ()
    yield from promote.onward(context, where)
    if where == context.last and release.skipped and (found := hotfix.back(context, release)):
        yield f"#{found.number} brings the hotfix back to {context.first.branch}: {found.url}"


def released_hotfix(context: Context, branch: str, commit: str) -> Iterator[str]:
    if context.repository.tip(branch) != commit:
        raise Superseded(f"{branch} has moved on; its own run releases it")
    try:
        pulls = hotfix.release(context, branch, commit)
    except (NoModel, Stale) as refusal:
        opened = bring_up_to_date(context, branch, commit)
        raise Refused(f"{refusal}\n#{opened.number} brings it up to date: {opened.url}") from None
    for pull in pulls:
        yield f"{branch}: released; #{pull.number} proposes it to {pull.base}: {pull.url}"


def bring_up_to_date(context: Context, branch: str, commit: str) -> Pull:
    """Open a pull request with the dvc.lock that a branch lacks."""
    repository = context.repository
    tree = repository.tree(commit)
    name = f"lock/{tree[:12]}"
    if not (made := repository.tip(name)):
        with context.repository.checkout(commit) as folder:
            lock = change.train(context, folder, tree)
        made = change.with_lock(context, commit, lock, f"Bring {LOCK} up to date on {branch}")
        try:
            repository.push(made, f"refs/heads/{name}")
        except Taken:
            repository.fetch()
    title = f"Bring {LOCK} up to date on {branch}"
    body = f"{branch} was merged with a {LOCK} that is behind, so it could not be released.\n"
    pull = context.forge.open(name, branch, title, body)
    context.forge.dispatch("pull-request.yml", name, {"pull": str(pull.number)})
    return pull


def helpful(action: Callable[[], list[str] | None]) -> list[str] | None:
    """Do what helps people; what is deployed is deployed, also when it fails."""
    try:
        return action()
    except Refused as refusal:
        print(f"warning: {refusal}; `make reconcile` does it later", file=sys.stderr)
        return None
