"""What keeps a public port open while the containers behind it change: Caddy, in a container.

It has two slots, `blue` and `green`: names in its network under which containers are reached. A
file for each lies on a volume of its own, and the newer one says which slot clients are led to:
Caddy looks at them at every request. So the route moves at once, with the engine's own copying of
a file, and comes back as it was when the engine does. The settings of Caddy never change: to
reload them closes listeners and idle connections, and with them requests that are on their way.
"""

import contextlib
import os
import socket
import time
from dataclasses import dataclass
from typing import Any

from docker import DockerClient
from docker.errors import NotFound

from gitops.settings import Refused
from gitops.targets import caddy, route
from gitops.targets.caddy import FOLDER, PRIVATE, PUBLIC
from gitops.targets.calls import asked, pull, put
from gitops.targets.client import Silent, ask
from gitops.targets.labels import GATEWAY, STACK
from gitops.targets.route import Route

IMAGE = (
    "docker.io/library/caddy:2-alpine"
    "@sha256:5f5c8640aae01df9654968d946d8f1a56c497f1dd5c5cda4cf95ab7c14d58648"
)
HOMES = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")  # where Caddy would keep certificates
SCRATCH = "/tmp"  # noqa: S108  of the container
NOBODY = "65534:65534"
MEMORY_MB = 256  # ten times what it takes with a thousand connections
PROCESSES = 256  # threads among them: ten times what it takes
LOGS = {"max-size": "10m", "max-file": "3"}  # a disk is never filled by them
STOP_SECONDS = 5  # to end by itself
START_SECONDS = 20  # it takes a tenth of one; an engine that is busy takes longer to publish a port
PAUSE = 0.05  # seconds between two looks


@dataclass(frozen=True)
class Gateway:
    client: DockerClient
    stack: str  # the name of an environment's things
    address: str  # the public one
    image: str

    @property
    def name(self) -> str:
        return f"{self.stack}-gateway"

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0].strip("[]")

    def up(self) -> None:
        """Have it run, with its network and its volume.

        Raises:
            Refused: it can't; the address is taken, or its image is not to be had.
        """
        self.recover()
        found = self.container(self.name)
        right = found is not None and found.labels.get(GATEWAY) == self.made_of()
        if right and found.status == "running":
            return
        pull(self.client, self.image)
        self.network()
        self.replace(None if right else found, found if right else self.create())

    def replace(self, former: Any, container: Any) -> None:
        """Let it run in the place of another; where it can't, that one goes on."""
        if former is not None:
            with asked(self.name):
                former.stop(timeout=STOP_SECONDS)
        try:
            self.begin(container)
        except Refused:
            with asked(self.name):
                container.remove(v=True, force=True)
                if former is not None:
                    former.start()
            raise
        with asked(self.name):
            if former is not None:
                former.remove(v=True, force=True)
            if container.name != self.name:
                container.rename(self.name)

    def begin(self, container: Any) -> None:
        """Start it.

        Raises:
            Refused: the address is taken, or it ends.
        """
        try:
            with asked(f"{self.address}: can't be listened on"):
                container.start()
        except Refused as refusal:
            raise Refused(
                f"{refusal}; end what holds it (`make stop`, where it is a service of this "
                "project), or give the environment another address"
            ) from None
        self.answers(container)

    def answers(self, container: Any) -> None:
        """Wait until it answers.

        Raises:
            Refused: it ends.
        """
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                ask(f"http://{self.address}", "/", seconds=START_SECONDS)
            except Silent:
                container.reload()
                ends = container.status != "running" or container.attrs["RestartCount"]
                if ends or time.monotonic() > deadline:
                    said = container.logs(tail=1).decode(errors="replace").strip()
                    raise Refused(f"{self.name}: does not come up: {said}") from None
                time.sleep(PAUSE)
            except Refused:  # an answer, though no release serves yet
                return
            else:
                return

    def recover(self) -> None:
        """Finish what was begun when somebody was killed at a replacement."""
        begun = self.container(self.new)
        if begun is None:
            return
        with asked(self.name):
            if begun.status == "running":
                if former := self.container(self.name):
                    former.remove(v=True, force=True)
                begun.rename(self.name)
            else:
                begun.remove(v=True, force=True)

    @property
    def new(self) -> str:
        return f"{self.name}-new"

    def create(self) -> Any:
        with asked(self.new):
            container = self.client.containers.create(
                self.image,
                name=self.new,
                entrypoint=["caddy"],
                command=["run", "--config", f"{FOLDER}/{caddy.name()}"],
                labels={GATEWAY: self.made_of(), STACK: self.stack},
                network=self.stack,
                ports={f"{port}/tcp": (ip(self.host), self.port(port)) for port in self.ports()},
                volumes={self.name: {"bind": FOLDER, "mode": "rw"}},
                environment=dict.fromkeys(HOMES, SCRATCH),
                user=NOBODY,
                read_only=True,
                tmpfs={SCRATCH: "size=16m,mode=1777"},
                cap_drop=["ALL"],
                # The official image's file asks for it, and could not be started without.
                cap_add=["NET_BIND_SERVICE"],
                security_opt=["no-new-privileges"],
                mem_limit=f"{MEMORY_MB}m",
                pids_limit=PROCESSES,
                restart_policy={"Name": "unless-stopped"},
                log_config={"Type": "json-file", "Config": LOGS},
            )
        put(container, FOLDER, {caddy.name(): caddy.content()})
        return container

    def network(self) -> None:
        with asked(f"network {self.stack}"):
            if not self.client.networks.list(names=[f"^{self.stack}$"]):
                self.client.networks.create(self.stack, driver="bridge", check_duplicate=True)

    def route(self) -> Route | None:
        """Where clients are led; None where they never were."""
        found = self.container(self.name) or self.container(self.new)
        if found is None:
            return None
        return route.read(found)

    def lead(self, to: Route) -> None:
        """Lead clients to a slot, from the next request on."""
        found = self.container(self.name)
        if found is None:
            raise Refused(f"{self.name}: was removed meanwhile; run this again")
        route.write(found, to)

    def private(self, slot: str) -> str:
        """Where a slot is reached, whoever clients are led to."""
        found = self.container(self.name)
        bound = (found.ports if found else {}).get(f"{PRIVATE[slot]}/tcp")
        if not bound:
            raise Refused(f"{self.name}: does not run any more; run this again")
        return f"http://{self.address.rpartition(':')[0]}:{bound[0]['HostPort']}"

    def remove(self) -> None:
        """End it, and forget where clients were led."""
        for name in (self.new, self.name):
            if found := self.container(name):
                with asked(name):
                    found.remove(v=True, force=True)
        with asked(self.name), contextlib.suppress(NotFound):
            self.client.volumes.get(self.name).remove()
        with asked(self.stack), contextlib.suppress(NotFound):
            self.client.networks.get(self.stack).remove()

    def container(self, name: str) -> Any:
        with asked(name), contextlib.suppress(NotFound):
            return self.client.containers.get(name)
        return None

    @staticmethod
    def ports() -> tuple[int, ...]:
        return (PUBLIC, *PRIVATE.values())

    def port(self, inner: int) -> int | None:
        """Of the host; any that is free, for what is not public."""
        return int(self.address.rpartition(":")[2]) if inner == PUBLIC else None

    def made_of(self) -> str:
        return f"{self.image} {self.address} {caddy.name()}"


def chosen(setting: str | None) -> str:
    """The image of an environment's gateway."""
    return os.environ.get("GATEWAY_IMAGE") or setting or IMAGE


def ip(host: str) -> str:
    """An engine publishes ports on numbers, not on names.

    Raises:
        Refused: the name has none.
    """
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Refused(f"{host}: {error.strerror}; correct the address") from None
