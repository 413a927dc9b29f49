"""The commands for environments that terraform makes: `python -m gitops plan --env uat`."""

from typing import Annotated

import typer

from gitops.context import here
from gitops.environment import named

Env = Annotated[str, typer.Option("--env", help="An environment: a file in environments/.")]


def plan(env: Env) -> None:
    """Show what an apply would change in an environment that terraform makes, as Markdown."""
    from gitops.infrastructure import plan

    print(plan(here(fetch=False), env))  # nothing in it is of the remote


def apply(env: Env) -> None:
    """Make an environment as infra/ and environments/ declare it, with the release that runs."""
    from gitops.infrastructure import made

    context = here()
    context.lasting(named(context.environments, env))
    target = made(context, env)
    target.conform()
    print(f"{env}: is as it is declared, at {target.url}")


def destroy(
    env: Env,
    yes: Annotated[bool, typer.Option(help="Do not ask.")] = False,
) -> None:
    """Remove all that terraform made for an environment, with what its services kept."""
    from gitops.infrastructure import made

    target = made(here(fetch=False), env)
    if not yes:
        typer.confirm(f"{env}: remove its services, and the predictions they kept?", abort=True)
    target.clear()
    print(f"{env}: nothing of it is left on the engine")
