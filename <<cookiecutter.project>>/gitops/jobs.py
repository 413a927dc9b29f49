"""The commands that workflows run: `python -m gitops deliver --branch dev --commit HEAD`."""

import json
from typing import Annotated

import typer

from gitops.context import here

PullOption = Annotated[int, typer.Option("--pull", min=1, help="The pull request's number.")]


def deliver(branch: Annotated[str, typer.Option()], commit: Annotated[str, typer.Option()]) -> None:
    """Deliver a pushed commit: release, deploy, propose the next step."""
    from gitops.deliver import deliver

    context = here()
    for line in deliver(context, branch, context.repository.commit(commit)):
        print(line, flush=True)


def proof(pull: PullOption) -> None:
    """Prove that a merge would arrive at a tree that may run."""
    from gitops.proof import prove

    context = here()
    print(prove(context, context.forge.pull(pull)))


def vouch(
    checks: Annotated[str, typer.Option(help="Jobs and their results: `needs` as JSON.")],
    commit: Annotated[str, typer.Option(help="What they ran on.")],
) -> None:
    """Say on a commit whether its checks passed: what is dispatched counts for no pull request."""
    try:
        found = {name: job["result"] for name, job in json.loads(checks).items()}
    except (ValueError, AttributeError, KeyError, TypeError):
        raise typer.BadParameter("no JSON of `needs`", param_hint="--checks") from None
    context = here()
    for name, result in found.items():
        # A run that was cancelled says nothing: the one that took its place does.
        if result != "cancelled":
            passed = result in ("success", "skipped")
            sha = context.repository.commit(commit)
            context.forge.vouch(sha, name, context.run_url or "", passed=passed)
        print(f"{commit[:12]}: {name}: {result}")


def experiment(pull: PullOption) -> None:
    """Train a pull request, commit its dvc.lock, report."""
    from gitops.experiment import experiment

    context = here()
    print(experiment(context, context.forge.pull(pull)))


def retrain(month: Annotated[int, typer.Option(min=1)]) -> None:
    """Open a pull request with the data of another month."""
    from gitops.retrain import retrain

    pull = retrain(here(), month)
    print(f"#{pull.number}: {pull.url}")
