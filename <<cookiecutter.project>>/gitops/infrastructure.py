"""What a change does to what runs, before it is made: terraform's plan, by a person's questions."""

from pathlib import Path

from gitops import environment, fingerprint
from gitops.bundle import LOCK
from gitops.context import Context
from gitops.environment import Environment, named
from gitops.forge import Pull
from gitops.settings import Refused
from gitops.targets.terraform.plan import page
from gitops.targets.terraform.target import Terraform

KIND = "terraform"
DECLARED = ("infra/", "environments/")
TITLE = "## Infrastructure"


def made(context: Context, name: str, root: Path | None = None) -> Terraform:
    """An environment that terraform makes.

    Raises:
        Refused: there is none of that name, or it is of another kind.
    """
    where = named(context.environments, name)
    if where.target != KIND:
        raise Refused(
            f'environments/{name}.toml: target = "{where.target}": terraform makes nothing of it'
        )
    return target(context, where, root or context.repository.path)


def target(context: Context, where: Environment, root: Path) -> Terraform:
    return Terraform(context.home, where, context.stack, root)


def plan(context: Context, name: str) -> str:
    """What an apply would change in an environment, as Markdown."""
    found = made(context, name)
    changes, whole = found.plan(found.root)
    route = found.gateway.route() if changes else None
    return page(name, changes, route.slot if route else None, whole)


def section(context: Context, folder: Path, pull: Pull) -> str:
    """A part of the report on a pull request; empty where nothing that runs becomes another."""
    changed = paths(context, pull)
    reaches_all = any(path.startswith(DECLARED) for path in changed)
    serves = (*fingerprint.SERVED, LOCK)
    if not reaches_all and not any(path.startswith(serves) for path in changed):
        return ""
    try:
        found = environment.read(folder / environment.FOLDER)
    except Refused as refusal:
        return f"\n\n{TITLE}\n\nNo plan: {refusal}\n"
    wanted = [
        one
        for one in found.values()
        if one.target == KIND and (reaches_all or one.branch == pull.base)
    ]
    if not wanted:
        return ""
    return "\n\n".join(["", TITLE, *(brought(context, one, folder) for one in wanted)])


def brought(context: Context, where: Environment, folder: Path) -> str:
    """What bringing a release to an environment would change there."""
    try:
        context.lasting(where)
        changes, whole = target(context, where, folder).plan(folder, released=True)
    except Refused as refusal:
        return f"**{where.name}**: no plan: {refusal}\n"
    # What serves ends when clients have been led to the next release.
    return page(where.name, changes, None, whole)


def paths(context: Context, pull: Pull) -> list[str]:
    """What a pull request changes."""
    repository = context.repository
    head = repository.commit(pull.commit)
    fork = repository.git("merge-base", f"{repository.remote}/{pull.base}", head).strip()
    return repository.differing(fork, head)
