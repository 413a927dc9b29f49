"""The container engine: DOCKER_HOST's, or that of the docker command's context."""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import docker
from docker import DockerClient
from docker.context import ContextAPI
from docker.errors import DockerException
from requests.exceptions import RequestException

from gitops.settings import Refused

SECONDS = 60  # for an answer, and between two parts of a long one
LOOK_SECONDS = 10  # for a version
OLDEST = (20, 10)  # the first whose builds mount caches and copy between stages without a fetch
PLUGIN = (23, 0)  # from here on `docker build` needs the plugin buildx
FAILED = (DockerException, RequestException, OSError)  # what the library raises
HOW = (
    "install an engine (Debian, Ubuntu: `apt-get install docker.io`; elsewhere Docker Desktop, "
    "colima or podman's socket), start it, or let DOCKER_HOST name one; then run this again"
)


def connect(seconds: float = SECONDS) -> DockerClient:
    """A client of the engine.

    Raises:
        Refused: none answers, or it is too old; how to get one is in the message.
    """
    where = address()
    try:
        client = docker.from_env(
            timeout=seconds, environment=os.environ | {"DOCKER_HOST": where}, use_ssh_client=True
        )
        version = str(client.version()["Version"])
    except FAILED as error:
        raise Refused(f"no container engine answers at {where} ({why(error)}): {HOW}") from None
    if numbers(version) < OLDEST:
        raise Refused(
            f"the container engine at {where} is {version}: builds need 20.10 or newer; update it"
        )
    return client


def address() -> str:
    if host := os.environ.get("DOCKER_HOST"):
        return host
    current = ContextAPI.get_current_context()
    return str(current.Host if current and current.Host else "unix:///var/run/docker.sock")


@dataclass(frozen=True)
class Builder:
    """A command that builds, up to its options."""

    words: Sequence[str]
    environment: dict[str, str]


@functools.cache
def builder(path: str) -> Builder:
    """The first docker command on PATH that can build: a newer one can't without its plugin.

    Raises:
        Refused: there is none.
    """
    seen = []
    for folder in path.split(os.pathsep):
        command = shutil.which("docker", path=folder) if folder else None
        if command is None:
            continue
        version = said(command, "--version")
        if re.search(r"buildx v?\d", said(command, "buildx", "version")):
            # An attestation would make the image an index, and its digest one of the moment.
            quiet = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
            return Builder((command, "buildx", "build", "--load"), quiet)
        if OLDEST <= numbers(version) < PLUGIN:
            return Builder((command, "build"), {"DOCKER_BUILDKIT": "1"})
        seen.append(f"{command} ({version.partition(',')[0] or 'says nothing'})")
    if seen:
        raise Refused(
            f"{', '.join(seen)}: can't build without the plugin buildx: install docker-buildx "
            "(or docker-buildx-plugin), then run this again"
        )
    raise Refused(f"no docker command on PATH: {HOW}")


def said(*words: str) -> str:
    """What a command answers; nothing where it fails."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LOOK_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def numbers(version: str) -> tuple[int, int]:
    """The first two numbers in a text."""
    found = re.search(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def why(error: Exception) -> str:
    """The last words of a chain of errors, which say what happened."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    found = re.findall(r"\[Errno \d+\] ([^'\")]+)|'([A-Z][^']+)'\)", text)
    last = next((one or other for one, other in reversed(found)), text)
    return last[:200] or type(error).__name__


def is_there() -> str | None:
    """Why no image can be built here; None where one can."""
    try:
        connect(LOOK_SECONDS).close()
        builder(os.environ.get("PATH", os.defpath))
    except Refused as refusal:
        return str(refusal)
    return None
