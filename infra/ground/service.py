"""What all containers of the ground have alike: no right that they can do without."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdktf_cdktf_provider_docker.container import (
    Container,
    ContainerCapabilities,
    ContainerHealthcheck,
    ContainerNetworksAdvanced,
    ContainerPorts,
    ContainerVolumes,
)
from cdktf_cdktf_provider_docker.image import Image
from cdktf_cdktf_provider_docker.volume import Volume
from constructs import Construct

from ground.network import Network
from ground.settings import LABEL, Refused

FILES = Path(__file__).parents[1] / "files"
LOGS = {"max-size": "10m", "max-file": "3"}  # a disk is never filled by them
# The provider has no limit for a container's processes. This one is for those of a user on all of
# the engine, threads among them, so each service has a user of its own.
PROCESSES = 512


@dataclass(frozen=True)
class About:
    """A service, in the terms of an engine."""

    image: str
    user: int
    memory_mb: int
    entrypoint: list[str]
    health: list[str]
    networks: dict[str, list[Network]]  # by the name under which it is known there
    files: dict[str, str] = field(default_factory=dict)  # in /ground, by name: what is no secret
    secrets: dict[str, Path] = field(default_factory=dict)  # in /ground: files of this machine
    data: str = ""  # the folder that outlives it
    environment: dict[str, str] = field(default_factory=dict)
    ports: tuple[tuple[int, int], ...] = ()  # outside, inside
    listen: str = "127.0.0.1"
    rights: tuple[str, ...] = ()
    stop: str = "SIGTERM"
    shared: dict[str, Volume] = field(default_factory=dict)  # by folder

    def made_of(self) -> str:
        """A name of what it is given: other files are another container."""
        told = "\0".join(f"{name}\0{text}" for name, text in sorted(self.files.items()))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


class Service(Construct):
    """A container with its settings, its data and its health."""

    def __init__(self, scope: Construct, name: str, ground: str, about: About) -> None:
        super().__init__(scope, name)
        self.about, self.name = about, f"{ground}-{name}"
        labels = [{"label": LABEL, "value": ground}]
        made_of = {"label": f"{LABEL}.settings", "value": about.made_of()}
        image = Image(self, "image", name=about.image, keep_locally=True)
        volumes: list[Any] = []
        self.data: Volume | None = None
        self.settings = Volume(self, "settings", name=f"{self.name}-settings", labels=labels)
        volumes.append(
            ContainerVolumes(
                container_path="/ground", volume_name=self.settings.name, read_only=True
            )
        )
        if about.data:
            self.data = Volume(self, "data", name=f"{self.name}-data", labels=labels)
            volumes.append(ContainerVolumes(container_path=about.data, volume_name=self.data.name))
        volumes += [
            ContainerVolumes(container_path=path, volume_name=volume.name)
            for path, volume in about.shared.items()
        ]
        self.container = Container(
            self,
            "container",
            name=self.name,
            image=image.image_id,
            hostname=name,
            entrypoint=about.entrypoint,
            env=[f"{key}={value}" for key, value in sorted(about.environment.items())],
            user=f"{about.user}:{about.user}",
            labels=[*labels, made_of],
            networks_advanced=[
                ContainerNetworksAdvanced(name=network.network.name, aliases=[alias])
                for alias, networks in about.networks.items()
                for network in networks
            ],
            ports=[
                ContainerPorts(internal=inside, external=outside, ip=about.listen)
                for outside, inside in about.ports
            ],
            volumes=volumes,
            healthcheck=ContainerHealthcheck(
                test=about.health,
                interval="5s",
                timeout="5s",
                start_period="1m0s",  # of a first start on a busy machine; as the engine writes it
                retries=6,
            ),
            tmpfs={"/tmp": "size=256m,mode=1777,noexec,nosuid,nodev"},  # noqa: S108
            init=True,
            read_only=True,
            capabilities=ContainerCapabilities(
                drop=["ALL"], add=[f"CAP_{right}" for right in about.rights] or None
            ),
            security_opts=["no-new-privileges"],
            memory=about.memory_mb,
            memory_swap=about.memory_mb,  # none: what is full ends, and does not crawl
            ulimit=[{"name": "nproc", "soft": PROCESSES, "hard": PROCESSES}],
            log_driver="json-file",
            log_opts=LOGS,
            restart="unless-stopped",
            stop_signal=about.stop,
            stop_timeout=30,  # a database writes what it holds
            destroy_grace_seconds=30,
        )


def content(name: str) -> str:
    """One of the files that services are given.

    Raises:
        Refused: terraform would take what stands in it for its own words.
    """
    text = (FILES / name).read_text("utf-8")
    if "${" in text or "%{" in text:
        raise Refused(f"{FILES / name}: ${{ or %{{ stand for terraform's own; write $ alone")
    return text
