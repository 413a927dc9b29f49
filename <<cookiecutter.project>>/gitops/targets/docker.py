"""A target on a container engine: a release is an image, pinned by its digest.

For the environment dev of the project flights:

    flights-dev            a network; nothing but the gateway is published
    flights-dev-gateway    Caddy (gateway.py), and the volume on which it finds its way
    flights-dev-7          the service of deployment 7; -7-1, -7-2 where it has several
    flights-dev-state      a volume with what services keep

Everything that is known of a deployment is on the engine, as labels. Whatever instant we are
killed at, or the engine is, the same call again goes on from what is there.
"""

import contextlib
import dataclasses
import json
import shutil
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import NotFound

from gitops import engine
from gitops.environment import Environment
from gitops.lock import held
from gitops.settings import Refused
from gitops.target import Running
from gitops.targets import container, gateway
from gitops.targets.caddy import SLOTS
from gitops.targets.calls import asked, pull
from gitops.targets.client import Silent, ask, told
from gitops.targets.container import ALWAYS, IMAGE, NUMBER, SLOT, STACK, TREE
from gitops.targets.gateway import Gateway, Route

LOG = "service.log"
LINES = 1000  # of it that are kept of one that has ended
KEPT = 5  # logs of ended deployments: they say why the last ones failed
SECONDS = 5  # for one answer over HTTP, or to end after drain_seconds have passed
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

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def url(self) -> str:
        return self.environment.url

    def running(self, url: str | None = None) -> Running | None:
        """What answers at the public address (or at `url`); None where nothing of ours does."""
        found = told(url or self.url, seconds=SECONDS)
        return found and dataclasses.replace(found, image=self.image(found.number))

    def image(self, number: int) -> str:
        """What a deployment's containers really run; empty where there are none."""
        for one in self.services(number):
            known, labelled = container.digests(one), one.labels.get(IMAGE, "")
            if one.status == "running":
                return labelled if labelled in known else ", ".join(known) or one.image.id
        return ""

    def start(self, number: int, bundle: Path, image: str | None = None) -> str:
        """Bring up the image of a release beside what serves, and return its private URL.

        Raises:
            Refused: it does not come up; what it said last is in the message.
        """
        if image is None:
            raise Refused(
                f"{self.name}: this release has no image: it was made while no environment ran "
                "containers; release a change of it"
            )
        tree = json.loads((bundle / "release.json").read_text())["tree"]
        labels = {STACK: self.stack, NUMBER: str(number), IMAGE: image, TREE: tree}
        pull(self.client, image)
        with self.alone():
            self.fence(number)
            self.gateway.up()
            slot = self.slot(number)
            self.sweep(number, slot)
            right = [one for one in self.services(number) if self.serves(one, labels)]
            names = [self.place(number, place) for place in range(self.environment.workers)]
            missing = [name for name in names if name not in [one.name for one in right]]
            for one in self.services(number):
                if one not in right:
                    self.end(one)
            for name in missing:
                made = container.create(self.client, name, self.environment, labels | {SLOT: slot})
                with asked(name):
                    made.start()
            url = self.gateway.private(slot)
        try:
            self.ready(number, url)
        except Refused:
            with self.alone():
                self.drop(number)
            if missing == names:
                raise
        else:
            return url
        # What was found there hung: now it is ended.
        return self.start(number, bundle, image)

    def ready(self, number: int, url: str) -> None:
        """Wait until a deployment answers.

        Raises:
            Refused: it ends, or takes too long.
        """
        limit = self.environment.limits.start_seconds
        deadline = time.monotonic() + limit
        while True:
            for one in self.services(number):
                if one.status != "running":
                    why = self.last_words(one)
                    raise Refused(f"{self.name}: the service does not come up: it ended: {why}")
            with contextlib.suppress(Silent, Refused):
                ask(url, "/health/ready", seconds=SECONDS)
                if (found := told(url, seconds=SECONDS)) and found.number == number:
                    return
            if time.monotonic() > deadline:
                raise Refused(
                    f"{self.name}: the service does not come up: it is not ready after "
                    f"{limit:g} s, its limit start_seconds"
                )
            time.sleep(PAUSE)

    def switch(self, number: int) -> None:
        """Let clients reach this one; the former finishes what it has begun, and ends.

        Raises:
            Refused: a newer number has been switched in.
        """
        with self.alone():
            self.fence(number)
            up = [one for one in self.services(number) if one.status == "running"]
            if len(up) < self.environment.workers:
                raise Refused(f"{self.name}: deployment {number} is not up; start it")
            for one in up:
                with asked(one.name):
                    one.update(restart_policy=ALWAYS)
            to = Route(up[0].labels[SLOT], number)
            if self.gateway.route() != to:
                self.gateway.lead(to)
                time.sleep(SENT)
            for one in self.services():
                if one not in up:
                    self.end(one)
            self.forget()

    def discard(self, number: int) -> None:
        """End one that was started and not switched in."""
        with self.alone():
            if number != self.current():
                self.drop(number)

    def stop(self) -> None:
        """End everything that runs here, and forget what was switched in; what it kept stays."""
        with self.alone():
            for one in self.services():
                self.end(one)
            self.gateway.remove()

    def clear(self) -> None:
        """End everything that runs here, and remove what it kept."""
        self.stop()
        for name in ("state", "secrets"):
            with asked(self.stack), contextlib.suppress(NotFound):
                self.client.volumes.get(f"{self.stack}-{name}").remove()

    def alone(self) -> contextlib.AbstractContextManager[None]:
        return held(self.folder / "lock", PATIENCE)

    def current(self) -> int | None:
        """The number that was switched in last."""
        route = self.gateway.route()
        return route.number if route else None

    def fence(self, number: int) -> None:
        """A late worker changes nothing."""
        newest = max([self.current() or 0, *(self.number(one) for one in self.services())])
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
        return next(slot for slot in SLOTS if not route or slot != route.slot)

    def sweep(self, number: int, slot: str) -> None:
        """End what older deployments left behind that clients do not reach."""
        for one in self.services():
            if self.number(one) < number and one.labels.get(SLOT) == slot:
                self.end(one)

    @staticmethod
    def serves(one: Any, labels: dict[str, str]) -> bool:
        """Is this container what it is to be?"""
        right = labels.items() <= one.labels.items() and one.status == "running"
        return right and labels[IMAGE] in container.digests(one)

    def services(self, number: int | None = None) -> list[Any]:
        """The containers of services, running or not: all, or those of one deployment."""
        wanted = [f"{STACK}={self.stack}", NUMBER if number is None else f"{NUMBER}={number}"]
        with asked(self.stack):
            return list(
                self.client.containers.list(
                    all=True, filters={"label": wanted}, ignore_removed=True
                )
            )

    @staticmethod
    def number(one: Any) -> int:
        return int(one.labels[NUMBER])

    def place(self, number: int, place: int) -> str:
        """The name of a container; the second has a suffix."""
        return f"{self.stack}-{number}" + (f"-{place}" if place else "")

    def drop(self, number: int) -> None:
        for one in self.services(number):
            self.end(one)

    def end(self, one: Any) -> None:
        """Let a container answer what it has accepted, and remove it; its log is kept here."""
        with asked(one.name), contextlib.suppress(NotFound):
            one.stop(timeout=int(self.environment.limits.drain_seconds) + SECONDS)
            log = self.folder / one.labels[NUMBER] / LOG
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(container.said(one, LINES))
            one.remove(force=True)

    def last_words(self, one: Any) -> str:
        if one.attrs["State"].get("OOMKilled"):
            return f"its memory was used up, see limits.memory_mb in environments/{self.name}.toml"
        lines = container.said(one, LINES).strip().splitlines()
        return lines[-1] if lines else one.attrs["State"].get("Error") or "it said nothing"

    def forget(self) -> None:
        """Remove the logs of deployments that ended, but for the last ones."""
        numbers = sorted(int(path.name) for path in self.folder.glob("[0-9]*"))
        for number in numbers[:-KEPT]:
            shutil.rmtree(self.folder / str(number), ignore_errors=True)
