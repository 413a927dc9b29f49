"""A target on a container engine whose things are made by terraform, as infra/ declares them.

Its names and the way of clients are those of gitops/targets/docker.py. A release is brought up in
the slot that clients are not led to, by one apply; another one removes the former. What serves is
part of the second only, so what is declared otherwise by now never touches it.

Killed at any instant, the same call again goes on: what was made and not remembered is removed,
unless clients are led to it.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from gitops import engine
from gitops.environment import Environment
from gitops.settings import Refused
from gitops.targets import caddy, gateway, services
from gitops.targets import terraform_orphans as orphans
from gitops.targets.address import bound
from gitops.targets.calls import pull, put
from gitops.targets.docker import SENT, Docker
from gitops.targets.labels import GATEWAY, IMAGE, SLOT, TREE
from gitops.targets.route import Route, other
from gitops.targets.services import GIVEN, SECRETS, number_of
from gitops.targets.terraform_plan import Change, changes, drifted
from gitops.targets.terraform_stack import Placed, Slots, Stack
from gitops.targets.terraform_synth import synth
from gitops.targets.terraform_way import Way

WAY = ("docker_container.gateway", "docker_volume.state", "docker_volume.secrets")
LOCAL = ("unix:", "npipe:")  # engines of this machine: their ports are its own
NEXT = "(of the next release)"


class Terraform(Docker):
    """The containers of one environment, made from what the project in `root` declares."""

    def __init__(self, home: Path, environment: Environment, project: str, root: Path) -> None:
        super().__init__(home, environment, project)
        self.home, self.root, self.project = home.absolute(), root, project
        self.folder = self.home / "terraform" / environment.name
        self.made = Stack(self.folder / "stack")

    @cached_property
    def gateway(self) -> Way:
        where = self.environment
        return Way(self.client, self.stack, where.address, gateway.chosen(where.gateway))

    def start(self, number: int, bundle: Path, image: str | None = None) -> str:
        """Bring up the image of a release in the free slot, and return its private URL.

        Raises:
            Refused: it does not come up, or terraform does not make it.
        """
        if image is None:
            raise Refused(
                f"{self.name}: this release has no image: it was made while no environment ran "
                "containers; release a change of it"
            )
        tree = json.loads((bundle / "release.json").read_text())["tree"]
        pull(self.client, image)
        with self.alone():
            self.fence(number)
            self.stand()
            slot, route = self.slot(number), self.gateway.route()
            self.sweep(number, slot)
            serves = route is not None and route.number == number
            there = self.unpaused(number)
            placed = Placed(image, tree, number, serves, self.give())
            try:
                self.apply({**self.slots(), slot: placed}, f"docker_container.{slot}")
                url = self.gateway.private(slot)
            except Refused:
                self.drop(number)
                raise
        try:
            self.ready(number, url)
        except Refused:
            with self.alone():
                self.drop(number)
            if not there:
                raise
        else:
            return url
        # What was found there hung: now it is ended.
        return self.start(number, bundle, image)

    def switch(self, number: int) -> None:
        """Let clients reach this one; the former finishes what it has begun, and is removed.

        Raises:
            Refused: a newer number has been switched in.
        """
        with self.alone():
            self.fence(number)
            up = [one for one in self.services.found(number) if one.status == "running"]
            if len(up) < self.environment.workers:
                raise Refused(f"{self.name}: deployment {number} is not up; start it")
            slot = up[0].labels[SLOT]
            placed = self.slots()[slot]
            if placed is None:
                raise Refused(f"{self.name}: deployment {number} is not up; start it")
            if self.gateway.route() != Route(slot, number):
                self.gateway.lead(Route(slot, number))
            former = [one for one in self.services.found() if number_of(one) != number]
            if former:
                time.sleep(SENT)
            for one in former:
                self.services.note(one)
            serving = dataclasses.replace(placed, serves=True)
            self.apply({slot: serving, other(slot): None})
            for one in self.services.found():  # of whom terraform never heard
                if number_of(one) != number:
                    self.services.end(one)
            self.services.forget()

    def discard(self, number: int) -> None:
        """End one that was started and not switched in."""
        with self.alone():
            if number != self.current():
                self.drop(number)

    def stop(self) -> None:
        """End everything that runs here, and forget what was switched in; what it kept stays."""
        with self.alone():
            for one in self.services.found():
                self.services.note(one)
            if self.made.declared:
                self.made.place(dict.fromkeys(caddy.SLOTS), self.variables())
                self.made.destroy("docker_network.network", "docker_volume.route")
            orphans.sweep(self.client, self.stack, ())
            self.gateway.remove()

    def clear(self) -> None:
        """End everything that runs here, and remove what it kept."""
        with self.alone():
            if self.made.declared:
                self.made.place(dict.fromkeys(caddy.SLOTS), self.variables())
                self.made.destroy()
            orphans.sweep(self.client, self.stack, ())
            self.gateway.remove()
            self.services.clear()
            shutil.rmtree(self.made.folder, ignore_errors=True)

    def stand(self) -> None:
        """Have the gateway run, and what it and services need.

        Raises:
            Refused: it can't; the address is taken, or its image is not to be had.
        """
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

    def slots(self) -> Slots:
        """What is to run: what was said last, else what the engine tells."""
        known = self.made.slots
        if known is None:
            known = dict.fromkeys(caddy.SLOTS)
            route = self.gateway.route()
            for one in self.services.found():
                said, number = one.labels, number_of(one)
                serves = route is not None and route.number == number
                known[said[SLOT]] = Placed(said[IMAGE], said[TREE], number, serves)
        return known

    def variables(self) -> dict[str, str]:
        host = self.gateway.host
        return {"stack": self.stack, "gateway": self.gateway.image, "ip": gateway.ip(host)}

    def apply(self, slots: Slots, *addresses: str) -> None:
        """Let terraform make it so."""
        self.made.declare(synth(self.home, self.root, self.name))
        self.made.place(slots, self.variables())
        self.adopt()
        self.made.apply(*addresses)

    def adopt(self) -> None:
        """Let nothing that is not remembered stand in the way."""
        known = self.made.resources().values()
        orphans.sweep(self.client, self.stack, known, self.gateway.route())
        for network in orphans.networks(self.client, self.stack, known):
            self.made.adopt("docker_network.network", network)

    def unpaused(self, number: int) -> list[Any]:
        """The containers of a deployment; those that are held, which terraform does not see, go."""
        found = self.services.found(number)
        for one in found:
            if one.status == "paused":
                self.services.end(one)
        return found

    def drop(self, number: int) -> None:
        slots = self.slots()
        for one in self.services.found(number):
            self.services.note(one)
        for slot, placed in slots.items():
            if placed and placed.number == number:
                with contextlib.suppress(Refused):  # what is left is ended without it
                    self.apply({**slots, slot: None}, f"docker_container.{slot}")
        self.services.drop(number)

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

    def plan(self, root: Path, *, released: bool = False) -> tuple[list[Change], str]:
        """What an apply of what is declared in `root` would change, and all that terraform says.

        With `released`, as if a release were brought up with it: beside what serves, which ends.
        """
        slots, route = self.slots(), self.gateway.route()
        if released:
            now = slots.get(route.slot) if route else None
            number = (route.number if route else 0) + 1
            placed = Placed(NEXT, NEXT, number, serves=True, secrets=now.secrets if now else ())
            free = other(route.slot if route else None)
            slots = {free: placed, other(free): None}
        content = synth(self.home, root, self.name)
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
