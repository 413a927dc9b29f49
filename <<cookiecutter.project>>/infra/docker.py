"""The container engine as terraform knows it, and what all containers of a stack have alike."""

from collections.abc import Mapping
from typing import Any

from cdktf import TerraformResourceLifecycle, TerraformStack
from cdktf_cdktf_provider_docker.container import (
    Container,
    ContainerCapabilities,
    ContainerLabels,
    ContainerUlimit,
    ContainerUpload,
    ContainerVolumes,
)
from cdktf_cdktf_provider_docker.provider import DockerProvider
from cdktf_cdktf_provider_docker.volume import Volume

from gitops.targets import labels

# The first that starts what was stopped: those before removed it, even to make a plan.
VERSION = ">= 4.5.0, < 5.0.0"
NOBODY = "65534:65534"
SECRETS = "/secrets"  # of the containers: root's files, and none of them is root
LOGS = {"max-size": "10m", "max-file": "3"}  # a disk is never filled by them
# Threads among them, and of the user on all of the engine: the provider has no limit for a
# container. Ten environments of a hundred are served, and nobody takes a machine's last one.
PROCESSES = 1024


def engine(stack: TerraformStack) -> DockerProvider:
    """Whichever DOCKER_HOST names: no address stands in a stack."""
    provider = DockerProvider(stack, "docker")
    stack.add_override("terraform.required_providers.docker.version", VERSION)
    return provider


def hardened(memory_mb: int) -> dict[str, Any]:
    """What a container has at most: no right that it can do without."""
    return {
        "init": True,  # the first process of a container ignores what ends any other
        "read_only": True,
        "security_opts": ["no-new-privileges"],
        "memory": memory_mb,
        "memory_swap": memory_mb,
        "ulimit": [ContainerUlimit(name="nproc", soft=PROCESSES, hard=PROCESSES)],
        "log_driver": "json-file",
        "log_opts": LOGS,
    }


def labelled(values: Mapping[str, str]) -> list[ContainerLabels]:
    return [ContainerLabels(label=label, value=value) for label, value in values.items()]


def mounted(volumes: Mapping[str, Volume]) -> list[ContainerVolumes]:
    """Volumes by the folder under which a container finds each."""
    return [
        ContainerVolumes(volume_name=volume.name, container_path=path)
        for path, volume in volumes.items()
    ]


def written(
    stack: TerraformStack,
    id_: str,
    name: str,
    volumes: list[ContainerVolumes],
    files: Mapping[str, str],
    **more: str,
) -> Container:
    """Files by path on volumes, written by a container that never runs.

    The engine puts none into a container whose root is read-only.
    """
    return Container(
        stack,
        id_,
        name=name,
        image="${var.gateway}",
        entrypoint=["caddy"],
        start=False,
        must_run=False,
        network_mode="none",
        user=NOBODY,
        capabilities=ContainerCapabilities(drop=["ALL"]),
        volumes=volumes,
        upload=[
            ContainerUpload(file=path, content=content, permissions="0444")
            for path, content in files.items()
        ],
        labels=labelled({labels.STACK: "${var.stack}", **more}),
        # So that what others read is there at every instant.
        lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
    )
