"""What was made and is not remembered: an apply was killed before terraform could write it down."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from docker.models.containers import Container  # type: ignore[import-untyped]
from docker.models.networks import Network  # type: ignore[import-untyped]

from ground import engine
from ground.terraform import Terraform

Told = Callable[[str], None]


def settle(terraform: Terraform, there: Iterable[Any], told: Told) -> bool:
    """Let no orphan stand in the way of an apply; whether there was one.

    `there` are things that were seen before a plan was made. That took the lock of the state, so
    whoever had made them had ended by then: what is not remembered now is nobody's work.
    Containers are removed. Networks are taken over, since those of projects may be in them, and so
    are volumes, by themselves: terraform makes one that is there already.
    """
    known = terraform.remembered()
    found = [one for one in there if one.id not in known]
    containers = [one for one in found if isinstance(one, Container)]
    networks = [one for one in found if isinstance(one, Network)]
    engine.remove(containers)
    for one in containers:
        told(f"removed: container {one.name}, of a run that was killed")
    for one in networks:
        if address := declared(terraform, one.name):
            terraform.adopt(address, one.id)
            told(f"taken over: network {one.name}, of a run that was killed")
        else:
            engine.remove([one])
    return bool(containers or networks)


def declared(terraform: Terraform, name: str) -> str | None:
    """The address of a network in the stack; None where it is of no use any more."""
    stack = json.loads((terraform.where / "cdk.tf.json").read_text())
    networks = stack["resource"]["docker_network"].items()
    return next((f"docker_network.{key}" for key, one in networks if one["name"] == name), None)
