"""Every command that moves a model: `python -m gitops --help`. make calls them by task."""

import errno
import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from gitops.context import here
from gitops.environment import named
from gitops.jobs import PullOption, deliver, experiment, proof, retrain, vouch
from gitops.making import Env, apply, destroy, plan
from gitops.settings import FULL, Refused

app = typer.Typer(
    help="Release, deploy, promote, roll back: driven by git, recorded in its tags.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Remote = Annotated[str | None, typer.Option(help="The git remote; else origin, or rehearsal.")]
Kind = Enum("Kind", {"process": "process", "docker": "docker", "terraform": "terraform"})

for task in (deliver, proof, vouch, experiment, retrain, plan, apply, destroy):
    app.command()(task)


@app.command()
def deploy(env: Env, commit: Annotated[str | None, typer.Option()] = None) -> None:
    """Bring an environment to the tip of its branch."""
    from gitops.deploy import deploy

    context = here()
    where = named(context.environments, env)
    tip = context.repository.commit(commit) if commit else context.repository.tip(where.branch)
    if tip is None:
        raise Refused(f"{where.branch}: the remote has no such branch; push it")
    outcome = deploy(context, where, tip)
    print(f"{env}: deployment {outcome.number} is healthy at {where.url}")


@app.command()
def promote(env: Env, release: Annotated[str | None, typer.Option()] = None) -> None:
    """Propose what runs before an environment, by exact tree."""
    from gitops.promote import promote

    context = here()
    pull = promote(context, named(context.environments, env), release)
    print(f"#{pull.number}: {pull.url}" if pull else f"{env}: has this tree already")


@app.command()
def rollback(
    env: Env,
    to: Annotated[str, typer.Option(help="A release that ran there; `releases` lists them.")],
    force: Annotated[bool, typer.Option(help="Also one that never ran there; recorded.")] = False,
) -> None:
    """Propose an older release: its tree comes back, nothing is trained or built."""
    from gitops.promote import rollback

    context = here()
    pull = rollback(context, named(context.environments, env), to, force=force)
    print(f"#{pull.number}: {pull.url}" if pull else f"{env}: has this tree already")


@app.command()
def hotfix(name: str) -> None:
    """Begin a branch from what PROD runs."""
    from gitops.hotfix import start

    context = here()
    branch = start(context, name)
    print(
        f"On {branch}: change, `make reproduce`, `make push`, commit, then\n"
        f"git push {context.repository.remote} {branch}"
    )


@app.command()
def status(
    prove: Annotated[bool, typer.Option(help="Hash what the services hold, and compare.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what runs where, and where the world disagrees with git; exit code 1 if it does."""
    from gitops import show
    from gitops.status import status

    found = status(here(), prove=prove)
    print(show.as_json(found)) if as_json else show.status(found, prove=prove)
    raise typer.Exit(bool(found.disagreements))


@app.command()
def releases() -> None:
    """List releases, with their metrics and where each one runs or ran."""
    from gitops import show
    from gitops.journal import read

    show.releases(read(here().repository))


@app.command()
def reconcile() -> None:
    """Make tags, services, registry and pull requests agree with git."""
    from gitops.reconcile import reconcile

    done = False
    for line in reconcile(here()):
        done = True
        print(line, flush=True)
    if not done:
        print("Everything agrees with git.")


@app.command()
def stop(env: Annotated[str | None, typer.Option("--env")] = None) -> None:
    """End the services on this machine; `reconcile` brings them back."""
    context = here(fetch=False)
    names = [env] if env else list(context.environments)
    for name in names:
        where = named(context.environments, name)
        for target in context.places(where):
            target.stop()
        print(f"{name}: stopped")


@app.command()
def pulls() -> None:
    """List the open pull requests."""
    from gitops import show

    show.pulls(here().forge.pulls())


@app.command()
def merge(
    pull: PullOption,
    how: Annotated[str, typer.Option(help="merge, squash or rebase.")] = "squash",
) -> None:
    """Merge a pull request of the forge on this machine, and run its workflows."""
    from gitops.forges.local import Local
    from gitops.forges.runner import LEFT_OUT, Runner

    context = here()
    forge = context.forge
    if not isinstance(forge, Local):
        raise Refused(f"#{pull}: merge it on its page: {forge.pull(pull).url}")
    base = forge.pull(pull).base
    if forge.pull(pull).state != "merged":  # by a command that was killed before the workflows
        forge.merge(pull, how)
    runner = Runner(context.repository, context.home, without=LEFT_OUT)
    runs = [runner.pushed(base), *runner.drain()]
    for run in runs:
        print(f"{run.workflow}: {'red' if run.code else 'green'}, see {run.log}")
    raise typer.Exit(any(run.code for run in runs))


@app.command()
def image(
    run: Annotated[bool, typer.Option(help="And run it, until it is interrupted.")] = False,
    env: Env = "dev",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8100,
) -> None:
    """Build the working copy's image, to try it out; delivery builds those of releases."""
    from gitops import git, trial

    name = trial.make(git.Repository(Path.cwd(), ""))
    print(name, flush=True)
    if run:
        print(f"http://127.0.0.1:{port}", flush=True)
        words = trial.command(name, env, port)
        os.execvp(words[0], words)  # noqa: S606  what is typed here goes to it


@app.command()
def rehearse(
    every: Annotated[int, typer.Option(min=1, help="Train on each n-th row only.")] = 1,
    target: Annotated[
        Kind | None, typer.Option(help="Where all run; else as environments/ say.")
    ] = None,
) -> None:
    """Close the whole loop on this machine: act runs the workflow files."""
    from gitops import show
    from gitops.rehearse import rehearse
    from gitops.status import status

    loop = rehearse(Path.cwd(), every, target.value if target else None)
    print()
    show.status(status(loop.context, prove=True), prove=True)
    print(
        f"\nAsk {loop.context.last.name}, with a row that it never learned from:\n  {loop.try_it()}"
    )
    make = f"make -C {loop.context.repository.path}" if target else "make"
    print(f"{make} status PROVE=1 asks all of this again; {make} stop ends the services.")


def main() -> None:
    """Every expected failure is its own words on stderr, and exit code 1."""
    try:
        app()
    except Refused as refusal:
        sys.exit(f"error: {refusal}")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(f"error: {FULL}")


if __name__ == "__main__":
    main()
