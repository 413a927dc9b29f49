"""A target on a container engine: a release is an image, pinned by its digest.

For the environment dev of the project flights:

    flights-dev            a network; nothing but the gateway is published
    flights-dev-gateway    Caddy (gateway.py), and the volume on which it finds its way
    flights-dev-7          the service of deployment 7; -7-1, -7-2 where it has several
    flights-dev-state      a volume with what services keep

All that is known of a deployment is on the engine. Whatever instant we are killed at, or the
engine is, the same call again goes on from what is there.
"""

import contextlib
import dataclasses
import json
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from docker import DockerClient

from gitops import engine
from gitops.environment import Environment
from gitops.lock import held
from gitops.settings import Refused
from gitops.target import Running
from gitops.targets import gateway, services
from gitops.targets.calls import pull
from gitops.targets.client import ask, told
from gitops.targets.gateway import Gateway
from gitops.targets.labels import IMAGE, NUMBER, SLOT, STACK, TREE
from gitops.targets.route import Route, other
from gitops.targets.services import Services, number_of

SECONDS = 5  # for one answer over HTTP
PATIENCE = 120  # seconds for another deployment of the environment to take its step
PAUSE = 0.05  # seconds between two looks
SENT = 1  # seconds until a request that was routed a moment ago has reached its service


class Docker:
    """The containers of one environment."""

    def __init__(self, home: Path, environment: Environment, project: str) -> None:
        self.environment = environment
        self.stack = f"{project}-{environment.name}"
        self.folder = home.absolute() / "containers" / environment.name

    @cached_property
    def client(self) -> DockerClient:
        return engine.connect()

    @cached_property
    def gateway(self) -> Gateway:
        where = self.environment
        return Gateway(self.client, self.stack, where.address, gateway.chosen(where.gateway))

    @cached_property
    def services(self) -> Services:
        return Services(self.client, self.environment, self.stack, self.folder)

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def url(self) -> str:
        return self.environment.url

    def running(self, url: str | None = None) -> Running | None:
        """What answers at the public address (or at `url`); None where nothing of ours does."""
        found = told(url or self.url, seconds=SECONDS)
        return found and dataclasses.replace(found, image=self.services.image(found.number))

    def start(self, number: int, bundle: Path, image: str | None = None) -> str:
        """Bring up the image of a release beside what serves, and return its private URL.

        Raises:
            Refused: it does not come up; what it said last is in the message.
        """
        image, tree = self.imaged(image), tree_of(bundle)
        labels = {STACK: self.stack, NUMBER: str(number), IMAGE: image, TREE: tree}
        pull(self.client, image)
        with self.alone():
            self.fence(number)
            self.gateway.up()
            labels[SLOT] = slot = self.slot(number)
            self.sweep(number, slot)
            there = self.services.found(number)
            right = [one for one in there if services.serves(one, labels)]
            for one in there:
                if one not in right:
                    self.services.end(one)
            known = {one.name for one in right}
            for name in (name for name in self.services.names(number) if name not in known):
                self.services.begin(name, labels)
            url = self.gateway.private(slot)
        try:
            self.ready(number, url)
        except Refused:
            with self.alone():
                self.services.drop(number)
            if not right:
                raise
        else:
            return url
        # What was found there hung: now it is ended.
        return self.start(number, bundle, image)

    def imaged(self, image: str | None) -> str:
        if image is None:
            raise Refused(
                f"{self.name}: this release has no image: it was made while no environment ran "
                "containers; release a change of it"
            )
        return image

    def up(self, number: int) -> list[Any]:
        """Its containers that run, if those are as many as there should be."""
        up = [one for one in self.services.found(number) if one.status == "running"]
        if len(up) < self.environment.workers:
            raise Refused(f"{self.name}: deployment {number} is not up; start it")
        return up

    def ready(self, number: int, url: str) -> None:
        """Wait until a deployment answers.

        Raises:
            Refused: it ends, or takes too long.
        """
        limit = self.environment.limits.start_seconds
        deadline = time.monotonic() + limit
        while True:
            for one in self.services.found(number):
                if one.status != "running":
                    why = f"it ended: {self.services.last_words(one)}"
                    raise Refused(f"{self.name}: the service does not come up: {why}")
            with contextlib.suppress(Refused):
                ask(url, "/health/ready", seconds=SECONDS)
                if (found := told(url, seconds=SECONDS)) and found.number == number:
                    return
            if time.monotonic() > deadline:
                why = f"it is not ready after {limit:g} s, its limit start_seconds"
                raise Refused(f"{self.name}: the service does not come up: {why}")
            time.sleep(PAUSE)

    def switch(self, number: int) -> None:
        """Let clients reach this one; the former finishes what it has begun, and ends.

        Raises:
            Refused: a newer number has been switched in.
        """
        with self.alone():
            self.fence(number)
            up = self.up(number)
            for one in up:
                self.services.keep(one)
            to = Route(up[0].labels[SLOT], number)
            if self.gateway.route() != to:
                self.gateway.lead(to)
            former = [one for one in self.services.found() if one not in up]
            if former:
                time.sleep(SENT)
            for one in former:
                self.services.end(one)
            self.services.forget()

    def discard(self, number: int) -> None:
        """End one that was started and not switched in."""
        with self.alone():
            if number != self.current():
                self.services.drop(number)

    def drift(self) -> list[str]:
        return []  # what it was made of is not remembered

    def mend(self) -> None:
        """Nothing is."""

    def stop(self) -> None:
        """End everything that runs here, and forget what was switched in; what it kept stays."""
        with self.alone():
            for one in self.services.found():
                self.services.end(one)
            self.gateway.remove()

    def clear(self) -> None:
        """End everything that runs here, and remove what it kept."""
        self.stop()
        self.services.clear()

    def alone(self) -> contextlib.AbstractContextManager[None]:
        return held(self.folder / "lock", PATIENCE)

    def current(self) -> int | None:
        """The number that was switched in last."""
        route = self.gateway.route()
        return route.number if route else None

    def fence(self, number: int) -> None:
        """A late worker changes nothing."""
        newest = max([self.current() or 0, *(number_of(one) for one in self.services.found())])
        if newest > number:
            raise Refused(
                f"{self.name}: deployment {number} is superseded by {newest}, which has begun "
                "here; where that was of a repository that is no more, `make stop` forgets it"
            )

    def slot(self, number: int) -> str:
        """Where a deployment goes: not where clients are led, unless it is that one."""
        route = self.gateway.route()
        if route and route.number == number:
            return route.slot
        return other(route.slot if route else None)

    def sweep(self, number: int, slot: str) -> None:
        """End what older deployments left behind that clients do not reach."""
        for one in self.services.found():
            if number_of(one) < number and one.labels.get(SLOT) == slot:
                self.services.end(one)


def tree_of(bundle: Path) -> str:
    """The tree of a release, as its folder says."""
    return str(json.loads((bundle / "release.json").read_text())["tree"])
