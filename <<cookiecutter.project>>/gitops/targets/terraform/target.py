"""A target on a container engine whose things are made by terraform, as infra/ declares them.

Its names and the way of clients are those of gitops/targets/docker.py. A release is brought up in
the slot that clients are not led to, by one apply; another one removes the former. What serves is
part of the second only, so what is declared otherwise by now never touches it.

Killed at any instant, the same call again goes on: what was made and not remembered is removed,
unless clients are led to it.
"""

import contextlib
import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

from gitops.settings import Refused
from gitops.targets import caddy
from gitops.targets.calls import pull
from gitops.targets.docker import SENT, tree_of
from gitops.targets.labels import SLOT
from gitops.targets.route import Route, other
from gitops.targets.services import number_of
from gitops.targets.terraform import ground, orphans
from gitops.targets.terraform.made import Made
from gitops.targets.terraform.stack import Placed


class Terraform(Made):
    """The containers of one environment, made from what the project in `root` declares."""

    def start(self, number: int, bundle: Path, image: str | None = None) -> str:
        """Bring up the image of a release in the free slot, and return its private URL.

        Raises:
            Refused: it does not come up, or terraform does not make it.
        """
        image, tree = self.imaged(image), tree_of(bundle)
        pull(self.client, image)
        self.services.rootless(image)
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
            slot = self.up(number)[0].labels[SLOT]
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
            # What clients were led to is up: to look at everything again takes seconds.
            self.apply({slot: serving, other(slot): None}, looked=True)
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
            ground.forget(self.client, self.stack)
            if self.made.declared:
                self.made.place(dict.fromkeys(caddy.SLOTS), self.variables())
                self.made.destroy("docker_network.network", "docker_volume.route")
            orphans.sweep(self.client, self.stack, ())
            self.gateway.remove()

    def clear(self) -> None:
        """End everything that runs here, and remove what it kept."""
        with self.alone():
            ground.forget(self.client, self.stack)
            if self.made.declared:
                self.made.place(dict.fromkeys(caddy.SLOTS), self.variables())
                self.made.destroy()
            orphans.sweep(self.client, self.stack, ())
            self.gateway.remove()
            self.services.clear()
            shutil.rmtree(self.made.folder, ignore_errors=True)

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
