"""What terraform makes of an environment, whichever release runs: made, compared, mended."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from gitops import engine
from gitops.environment import Environment
from gitops.settings import Refused
from gitops.targets import caddy, gateway, services
from gitops.targets.address import bound
from gitops.targets.calls import pull, put
from gitops.targets.docker import Docker
from gitops.targets.labels import GATEWAY, IMAGE, SLOT, TREE
from gitops.targets.route import other
from gitops.targets.services import GIVEN, SECRETS, number_of
from gitops.targets.terraform import ground, orphans
from gitops.targets.terraform.plan import Change, changes, drifted
from gitops.targets.terraform.stack import Placed, Slots, Stack
from gitops.targets.terraform.synth import BUCKET, synth
from gitops.targets.terraform.way import Way

WAY = ("docker_container.gateway", "docker_volume.state", "docker_volume.secrets")
CONTAINER = "docker_container."
LOCAL = ("unix:", "npipe:")  # engines of this machine: their ports are its own
NEXT = "(of the next release)"


class Made(Docker):
    """The things of one environment, as what the project in `root` declares."""

    def __init__(self, home: Path, environment: Environment, project: str, root: Path) -> None:
        super().__init__(home, environment, project)
        self.home, self.root, self.project = home.absolute(), root, project
        self.folder = self.home / "terraform" / environment.name
        self.made = Stack(self.folder / "stack")

    @cached_property
    def gateway(self) -> Way:
        where = self.environment
        return Way(self.client, self.stack, where.address, gateway.chosen(where.gateway))

    def stand(self) -> None:
        """Have the gateway run, and what it and services need.

        Raises:
            Refused: it can't; the address is taken, its image or its ground is not to be had.
        """
        ground.there(self.client)
        found = self.gateway.container(self.gateway.name)
        right = found is not None and found.labels.get(GATEWAY) == self.gateway.made_of()
        known = self.made.declared and self.made.resources()
        if right and found.status == "running" and known and found.id in known.values():
            return
        if found is None or not self.at(found):
            self.free()
        pull(self.client, self.gateway.image)
        self.apply(self.slots(), *WAY)
        self.gateway.answers(self.gateway.container(self.gateway.name))

    def at(self, gateway: Any) -> bool:
        """Has it the address already?"""
        return f" {self.environment.address} " in gateway.labels.get(GATEWAY, "")

    def free(self) -> None:
        """See that nobody else has the address, before anything is made."""
        if engine.address().startswith(LOCAL):
            bound(self.environment.address, self.name).close()

    def declares(self, root: Path) -> bytes:
        """What a project says now.

        Raises:
            Refused: it can't be said, or terraform is missing: that is known before.
        """
        self.made.terraform.is_there()
        return synth(self.home, root, self.name)

    def slots(self) -> Slots:
        """What is to run: what was said here last, unless another machine has led clients on."""
        known, route = self.made.slots, self.gateway.route()
        if known is not None and (route is None or numbered(known[route.slot]) == route.number):
            return known
        found: Slots = dict.fromkeys(caddy.SLOTS)
        for one in self.services.found():
            said, number = one.labels, number_of(one)
            serves = route is not None and route.number == number
            found[said[SLOT]] = Placed(said[IMAGE], said[TREE], number, serves, given(one))
        return found

    def renew(self) -> None:
        """Have what is declared and what runs beside each other, where another machine has them."""
        slots = self.slots()
        stale = self.made.declared and slots != self.made.slots
        if stale or (os.environ.get(BUCKET) and not self.made.declared):
            self.made.declare(self.declares(self.root))
            self.made.place(slots, self.variables())

    def variables(self) -> dict[str, str]:
        host = self.gateway.host
        return {"stack": self.stack, "gateway": self.gateway.image, "ip": gateway.ip(host)}

    def apply(self, slots: Slots, *addresses: str, looked: bool = False) -> None:
        """Let terraform make it so; with `looked`, from what it saw a moment ago."""
        self.made.declare(self.declares(self.root))
        self.made.place(slots, self.variables())
        known = self.adopt()
        if not addresses:
            ground.forget(self.client, self.stack, kept=os.environ.get(ground.RULES))
        self.made.apply(*addresses, looked=looked and self.holds(known))
        if not addresses:
            ground.renew(self.client, self.stack)

    def adopt(self) -> Mapping[str, str]:
        """Let nothing that is not remembered stand in the way; what is remembered."""
        known = self.made.resources()
        orphans.sweep(self.client, self.stack, known.values(), self.gateway.route())
        for network in orphans.networks(self.client, self.stack, known.values()):
            self.made.adopt("docker_network.network", network)
        return known

    def holds(self, known: Mapping[str, str]) -> bool:
        """Is every container there that is remembered?"""
        there = {one.id for one in orphans.labelled(self.client, self.stack)}
        return there.issuperset(known[name] for name in known if name.startswith(CONTAINER))

    def give(self) -> tuple[str, ...]:
        """Put what services are told as secrets on their volume; the names of the files."""
        files = {name: os.environ[name].encode() for name in GIVEN if os.environ.get(name)}
        if (keys := services.secret()) is not None:
            files["API_KEYS"] = keys
        beside = self.gateway.container(self.gateway.settings)
        if files and beside:
            put(beside, SECRETS, files)
        return tuple(sorted(files))

    def drift(self) -> list[str]:
        """What is otherwise than it was made, each with its name."""
        if lost := self.lost():
            return [lost]
        if not self.made.declared:
            return []  # nothing of it is there
        return drifted(changes(self.made.planned()[0]))

    def lost(self) -> str:
        """Why nothing can be told of what was made; empty where it can."""
        self.renew()
        known = set(self.made.resources().values()) if self.made.declared else set()
        route, there = self.gateway.route(), self.services.found()
        serving = [one for one in there if route and number_of(one) == route.number]
        if all(one.id in known for one in serving) and (known or not there):
            return ""
        return (
            f"{self.stack}: terraform's state is lost; what serves goes on, and the next "
            "deployment makes all anew beside it"
        )

    def mend(self) -> None:
        """Make everything again as it was made.

        Raises:
            Refused: it can't be; terraform's state is lost.
        """
        with self.alone():
            if lost := self.lost():
                raise Refused(lost)
            if self.made.declared:
                self.adopt()
                self.made.apply()
                ground.renew(self.client, self.stack)

    def plan(self, root: Path, *, released: bool = False) -> tuple[list[Change], str]:
        """What an apply of what is declared in `root` would change, and all that terraform says.

        With `released`, as if a release were brought up with it: beside what serves, which ends.
        """
        slots = self.slots()
        if released:
            route = self.gateway.route()
            now = slots.get(route.slot) if route else None
            number = (route.number if route else 0) + 1
            placed = Placed(NEXT, NEXT, number, serves=True, secrets=now.secrets if now else ())
            free = other(route.slot if route else None)
            slots = {free: placed, other(free): None}
        content = self.declares(root)
        with self.made.beside(content, slots, self.variables()) as stack:
            told, whole = stack.planned()
        return changes(told), whole

    def conform(self) -> None:
        """Bring everything to what the project declares now, with the releases that run."""
        with self.alone():
            if self.gateway.route() and (lost := self.lost()):
                raise Refused(lost)
            self.stand()
            self.apply(self.slots())


def numbered(placed: Placed | None) -> int | None:
    return placed.number if placed else None


def given(one: Any) -> tuple[str, ...]:
    """The names of the secrets that a container was given."""
    entries = (entry.partition("=") for entry in one.attrs["Config"]["Env"] or ())
    mark = f"{SECRETS}/"
    return tuple(path.removeprefix(mark) for _, _, path in entries if path.startswith(mark))
