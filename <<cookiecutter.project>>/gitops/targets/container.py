"""One container of a service: from an image by its digest, with as few rights as will do."""

import os
from pathlib import Path
from typing import Any

from docker import DockerClient

from gitops.environment import Environment
from gitops.settings import Refused
from gitops.targets.calls import asked, put

STACK, NUMBER, SLOT, TREE, IMAGE = (
    f"gitops.{key}" for key in ("stack", "number", "slot", "tree", "image")
)
STATE = "/state"  # where an image keeps what is to outlive it
SECRETS = "/secrets"
KEYS = "api-keys"
PROCESSES = 256  # threads among them: ten times what a service takes
LOGS = {"max-size": "10m", "max-file": "3"}  # a disk is never filled by them
SCRATCH = "size=64m,mode=1777,noexec,nosuid,nodev"  # what libraries write to /tmp is some KB
ROOT = ("", "0", "root")
ALWAYS = {"Name": "unless-stopped"}


def create(
    client: DockerClient, name: str, environment: Environment, labels: dict[str, str]
) -> Any:
    """A container that has not started.

    Raises:
        Refused: the engine does not make it, or the image's service would be root.
    """
    stack, image = labels[STACK], labels[IMAGE]
    with asked(image):
        user = str(client.images.get(image).attrs["Config"].get("User") or "")
    if user.partition(":")[0] in ROOT:
        raise Refused(f"{image}: would run as root; give it a USER")
    keys = secret()
    given = {"PREDICTION_LOG_URL": os.environ.get("PREDICTION_LOG_URL")}
    given["API_KEYS_FILE"] = f"{SECRETS}/{KEYS}" if keys is not None else None
    volumes = {f"{stack}-state": {"bind": STATE, "mode": "rw"}}
    if keys is not None:
        volumes[f"{stack}-secrets"] = {"bind": SECRETS, "mode": "rw"}  # root's, and it is not root
    memory = f"{environment.limits.memory_mb}m"
    with asked(name):
        container = client.containers.create(
            image,
            name=name,
            command=["--environment", environment.name, "--number", labels[NUMBER]],
            labels=labels,
            environment={key: value for key, value in given.items() if value},
            volumes=volumes,
            network=stack,
            networking_config={
                stack: client.api.create_endpoint_config(aliases=[labels[SLOT]]),
            },
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
        put(container, SECRETS, {KEYS: keys})
    return container


def secret() -> bytes | None:
    """The hashed keys of clients, where somebody has named their file."""
    path = os.environ.get("API_KEYS_FILE")
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Refused(f"API_KEYS_FILE: {path}: {error.strerror}") from None


def digests(container: Any) -> list[str]:
    """Each repository@digest that the image it runs is known by."""
    with asked(container.name):
        return list(container.image.attrs.get("RepoDigests") or [])


def said(container: Any, lines: int) -> str:
    """What it has said last."""
    with asked(container.name):
        return str(container.logs(tail=lines).decode(errors="replace"))
