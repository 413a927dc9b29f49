"""The containers of an environment's services: from images by digest, with few rights.

Their labels say what they are of: nothing else has to be remembered about them.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import NotFound

from gitops.environment import Environment
from gitops.settings import Refused
from gitops.targets.calls import asked, put
from gitops.targets.labels import IMAGE, NUMBER, SLOT, STACK

STATE = "/state"  # where an image keeps what is to outlive it
SECRETS = "/secrets"
KEYS = "api-keys"
GIVEN = ("PREDICTION_LOG_URL", "LOG_HASH_KEY")  # where predictions are kept, what hashes a name
PROCESSES = 256  # threads among them: ten times what a service takes
LOGS = {"max-size": "10m", "max-file": "3"}  # a disk is never filled by them
SCRATCH = "size=64m,mode=1777,noexec,nosuid,nodev"  # what libraries write to /tmp is some KB
ROOT = ("", "0", "root")
ALWAYS = {"Name": "unless-stopped"}
LOG = "service.log"
LINES = 1000  # of it that are kept of one that has ended
KEPT = 5  # logs of ended deployments: they say why the last ones failed
SECONDS = 5  # to end after drain_seconds have passed


@dataclass(frozen=True)
class Services:
    client: DockerClient
    environment: Environment
    stack: str  # the name of the environment's things
    folder: Path  # for the logs of those that ended

    def found(self, number: int | None = None) -> list[Any]:
        """The containers, running or not: all, or those of one deployment."""
        wanted = [f"{STACK}={self.stack}", NUMBER if number is None else f"{NUMBER}={number}"]
        with asked(self.stack):
            return list(
                self.client.containers.list(
                    all=True, filters={"label": wanted}, ignore_removed=True
                )
            )

    def image(self, number: int) -> str:
        """What a deployment's containers really run; empty where there are none."""
        for one in self.found(number):
            if one.status == "running":
                known, labelled = digests(one), one.labels.get(IMAGE, "")
                return labelled if labelled in known else ", ".join(known) or str(one.image.id)
        return ""

    def names(self, number: int) -> list[str]:
        """Those that a deployment is to have: the second has a suffix."""
        first = f"{self.stack}-{number}"
        return [first, *(f"{first}-{place}" for place in range(1, self.environment.workers))]

    def begin(self, name: str, labels: Mapping[str, str]) -> None:
        """Start a container.

        Raises:
            Refused: the engine does not, or the image's service would be root.
        """
        image, state = labels[IMAGE], f"{self.stack}-state"
        self.rootless(image)
        keys = secret()
        volumes = {state: {"bind": STATE, "mode": "rw"}}
        given = {key: os.environ.get(key, "") for key in GIVEN}
        if keys is not None:
            # It may write there, but all is root's, and it is not root.
            volumes[f"{self.stack}-secrets"] = {"bind": SECRETS, "mode": "rw"}
            given["API_KEYS_FILE"] = f"{SECRETS}/{KEYS}"
        slot = self.client.api.create_endpoint_config(aliases=[labels[SLOT]])
        memory = f"{self.environment.limits.memory_mb}m"
        with asked(name):
            made = self.client.containers.create(
                image,
                name=name,
                command=["--environment", self.environment.name, "--number", labels[NUMBER]],
                labels=dict(labels),
                environment={key: value for key, value in given.items() if value},
                volumes=volumes,
                network=self.stack,
                networking_config={self.stack: slot},
                init=True,  # the first process of a container ignores what ends any other
                read_only=True,
                tmpfs={"/tmp": SCRATCH},  # noqa: S108
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                mem_limit=memory,
                memswap_limit=memory,
                pids_limit=PROCESSES,
                log_config={"Type": "json-file", "Config": LOGS},
            )
        if keys is not None:
            put(made, SECRETS, {KEYS: keys})
        with asked(name):
            made.start()

    def rootless(self, image: str) -> None:
        """See that an image's service is not root.

        Raises:
            Refused: it would be.
        """
        with asked(image):
            user = str(self.client.images.get(image).attrs["Config"].get("User") or "")
        if user.partition(":")[0] in ROOT:
            raise Refused(f"{image}: would run as root; give it a USER")

    @staticmethod
    def keep(one: Any) -> None:
        """Let the engine start it again whenever it ends, and with itself."""
        with asked(one.name):
            one.update(restart_policy=ALWAYS)

    def end(self, one: Any) -> None:
        """Let a container answer what it has accepted, and remove it; its log is kept here."""
        with asked(one.name), contextlib.suppress(NotFound):
            one.stop(timeout=int(self.environment.limits.drain_seconds) + SECONDS)
            self.note(one)
            one.remove(v=True, force=True)

    def note(self, one: Any) -> None:
        """Keep what a container has said."""
        log = self.folder / one.labels[NUMBER] / LOG
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(said(one))

    def drop(self, number: int) -> None:
        for one in self.found(number):
            self.end(one)

    def last_words(self, one: Any) -> str:
        """Why a container ended."""
        if one.attrs["State"].get("OOMKilled"):
            return f"it used up its {self.environment.limits.memory_mb} MB, its limit memory_mb"
        lines = said(one).strip().splitlines()
        return lines[-1] if lines else one.attrs["State"].get("Error") or "it said nothing"

    def forget(self) -> None:
        """Remove the logs of deployments that ended, but for the last ones."""
        numbers = sorted(int(path.name) for path in self.folder.glob("[0-9]*"))
        for number in numbers[:-KEPT]:
            shutil.rmtree(self.folder / str(number), ignore_errors=True)

    def clear(self) -> None:
        """Remove what they kept."""
        for name in ("state", "secrets"):
            with asked(self.stack), contextlib.suppress(NotFound):
                self.client.volumes.get(f"{self.stack}-{name}").remove()


def number_of(one: Any) -> int:
    return int(one.labels[NUMBER])


def serves(one: Any, labels: Mapping[str, str]) -> bool:
    """Is this container what it is to be?"""
    right = labels.items() <= one.labels.items() and one.status == "running"
    return right and labels[IMAGE] in digests(one)


def digests(one: Any) -> list[str]:
    """Each repository@digest that the image it runs is known by."""
    with asked(one.name):
        return list(one.image.attrs.get("RepoDigests") or [])


def said(one: Any) -> str:
    """What it has said last."""
    with asked(one.name):
        return str(one.logs(tail=LINES).decode(errors="replace"))


def secret() -> bytes | None:
    """The hashed keys of clients, where somebody has named their file."""
    path = os.environ.get("API_KEYS_FILE")
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Refused(f"API_KEYS_FILE: {path}: {error.strerror}") from None
