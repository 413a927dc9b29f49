"""An image registry on this machine, for a rehearsal: a container, kept for the next one."""

import contextlib
import os
import time

from docker import DockerClient
from docker.errors import NotFound

from gitops.settings import Refused
from gitops.targets.calls import asked, pull
from gitops.targets.client import Silent, ask

IMAGE = (
    "docker.io/library/registry:3"
    "@sha256:1be55279f18a2fe1a74edf2664cac61c1bea305b7b4642dab412e7affdcb3e33"
)
NAME = "rehearsal-registry"
PORT = 5000  # of the container
LOOPBACK = ("localhost", "127.0.0.1")  # engines speak http with these alone
SECONDS = 30  # until it answers; it takes one
PAUSE = 0.1  # seconds between two looks


def up(client: DockerClient, repository: str) -> None:
    """See that a registry answers where images of this repository go; start one if none does.

    Raises:
        Refused: none answers, and none can be started.
    """
    address = repository.partition("/")[0]
    host, _, port = address.partition(":")
    if host not in LOOPBACK or answers(address):
        return
    image = os.environ.get("REGISTRY_IMAGE") or IMAGE
    pull(client, image)
    with asked(f"an image registry at {address}"):
        with contextlib.suppress(NotFound):
            client.containers.get(NAME).remove(force=True)
        client.containers.run(
            image,
            name=NAME,
            detach=True,
            ports={f"{PORT}/tcp": ("127.0.0.1", int(port or PORT))},
            volumes={NAME: {"bind": "/var/lib/registry", "mode": "rw"}},
            restart_policy={"Name": "unless-stopped"},
            security_opt=["no-new-privileges"],
        )
    deadline = time.monotonic() + SECONDS
    while not answers(address):
        if time.monotonic() > deadline:
            raise Refused(f"{NAME}: no answer at {address}; see `docker logs {NAME}`")
        time.sleep(PAUSE)


def answers(address: str) -> bool:
    try:
        ask(f"http://{address}", "/v2/", seconds=SECONDS)
    except Silent:
        return False
    except Refused:  # an answer, though one that asks who we are
        return True
    return True
