"""What was made and is not remembered: an apply was killed, or terraform's state was lost."""

import contextlib
from collections.abc import Collection
from typing import Any

from docker import DockerClient
from docker.errors import NotFound

from gitops.targets.calls import asked
from gitops.targets.labels import NUMBER, STACK
from gitops.targets.route import Route


def labelled(client: DockerClient, stack: str) -> list[Any]:
    """Every container of an environment, also those that are no services."""
    with asked(stack):
        filters = {"label": f"{STACK}={stack}"}
        return list(client.containers.list(all=True, filters=filters, ignore_removed=True))


def sweep(
    client: DockerClient, stack: str, known: Collection[str], route: Route | None = None
) -> None:
    """Remove the containers that stand in the way of an apply.

    What clients are led to stays, until they are led elsewhere.
    """
    for one in labelled(client, stack):
        serves = route is not None and one.labels.get(NUMBER) == str(route.number)
        if one.id not in known and not serves:
            with asked(one.name), contextlib.suppress(NotFound):
                one.remove(v=True, force=True)


def networks(client: DockerClient, stack: str, known: Collection[str]) -> list[str]:
    """Networks to take over: containers may be in them. (Volumes are, by themselves.)"""
    with asked(f"network {stack}"):
        found = client.networks.list(names=[f"^{stack}$"])
    return [one.id for one in found if one.id not in known]
