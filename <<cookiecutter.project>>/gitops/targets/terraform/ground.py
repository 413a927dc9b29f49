"""The ground that an environment is on, where whoever deploys it names one.

Terraform writes rules and targets to a volume of the ground, and can't take them away again; and
Prometheus reads rules when it is told. Both is done here, through the engine.
"""

import contextlib
import os
from typing import Any

from docker import DockerClient
from docker.errors import NotFound

from gitops.settings import Refused
from gitops.targets import labels
from gitops.targets.calls import asked
from gitops.targets.terraform.orphans import labelled

NETWORK, RULES = "GROUND_NETWORK", "GROUND_RULES"
LABEL = "ground"  # on all that a ground is made of
FOLDER = "/rules"  # where the volume is found, by whoever tidies it
KINDS = ("json", "yml")  # of files: whom to ask, and rules


def there(client: DockerClient) -> None:
    """See that the ground is on this engine.

    Raises:
        Refused: it is not; one that is made by its name alone is watched by nobody.
    """
    for name, things in ((NETWORK, client.networks), (RULES, client.volumes)):
        if value := os.environ.get(name):
            with asked(name):
                try:
                    things.get(value)
                except NotFound:
                    why = "not on this engine; make the ground there, or leave the variable out"
                    raise Refused(f"{name}={value}: {why}") from None


def forget(client: DockerClient, stack: str, kept: str | None = None) -> None:
    """Take away what Prometheus was told of an environment, but on this volume."""
    for one in writers(client, stack):
        volume = one.labels[labels.RULES]
        if volume == kept:
            continue
        found = readers(client, volume)
        for reader in found[:1]:  # without one, nobody reads it
            erase(client, reader, volume, stack)
        with asked(one.name), contextlib.suppress(NotFound):
            one.remove(v=True, force=True)
        for reader in found:
            reread(reader)


def renew(client: DockerClient, stack: str) -> None:
    """Let Prometheus read what it was told, again where it has."""
    for one in writers(client, stack):
        for reader in readers(client, one.labels[labels.RULES]):
            reread(reader)


def writers(client: DockerClient, stack: str) -> list[Any]:
    return [one for one in labelled(client, stack) if labels.RULES in one.labels]


def readers(client: DockerClient, volume: str) -> list[Any]:
    """Whoever of a ground has the volume: its Prometheus."""
    with asked(volume):
        filters = {"label": LABEL, "volume": volume}
        return list(client.containers.list(all=True, filters=filters, ignore_removed=True))


def reread(prometheus: Any) -> None:
    if prometheus.status == "running":  # otherwise it does when it begins
        with asked(prometheus.name):
            prometheus.kill(signal="SIGHUP")


def erase(client: DockerClient, reader: Any, volume: str, stack: str) -> None:
    """Remove the files of an environment, by a container that may do nothing else.

    They are root's, as the volume is: an engine writes them so. Its image has a shell, as
    Prometheus' own has.
    """
    files = [f"{FOLDER}/{stack}.{kind}" for kind in KINDS]
    with asked(f"{volume}: the rules of {stack} can't be removed"):
        client.containers.run(
            reader.attrs["Image"],
            entrypoint=["sh", "-c", 'rm -f "$@"', "rm", *files],
            labels={labels.STACK: stack},
            user="0:0",
            volumes={volume: {"bind": FOLDER, "mode": "rw"}},
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            mem_limit="64m",
            remove=True,
        )
