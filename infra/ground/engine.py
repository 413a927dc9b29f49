"""The container engine: what is asked of it before, and about what runs on it."""

import re
import shutil
import socket
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]
from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound, NotFound  # type: ignore[import-untyped]
from docker.models.containers import Container  # type: ignore[import-untyped]
from requests.exceptions import RequestException

from ground.settings import FULL, LABEL, Refused, Settings

SECONDS = 600  # for an answer: to unpack a large image takes minutes on a slow disk
OLDEST = (20, 10)  # the first that runs networks, limits and init processes as asked here
FREE = 2 * 2**30  # bytes: the images take as much, and data is yet to come
FREE_HERE = 100 * 2**20  # terraform's provider takes 30 MB where it is fetched, the rest one
HOW = (
    "install an engine (Debian, Ubuntu: `apt-get install docker.io`), start it, or let "
    "DOCKER_HOST name one"
)


def connect() -> DockerClient:
    """A client of the engine.

    Raises:
        Refused: none answers, or it is too old; how to get one is in the message.
    """
    try:
        client = docker.from_env(timeout=SECONDS)
        version = str(client.version()["Version"])
    except (DockerException, RequestException, OSError) as error:
        said = re.sub(r"\s+", " ", str(error))[-120:]
        raise Refused(f"no container engine answers ({said}): {HOW}") from None
    found = re.match(r"(\d+)\.(\d+)", version)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise Refused(f"the container engine is {version}: 20.10 or newer is needed; update it")
    return client


@contextmanager
def asked(what: str) -> Iterator[None]:
    """Say what an engine would not do, in its own words.

    Raises:
        Refused: it would not.
    """
    try:
        yield
    except APIError as error:
        raise Refused(f"{what}: {error.explanation or error}") from None
    except (DockerException, RequestException, OSError) as error:
        raise Refused(f"{what}: {error}") from None


def ports_are_free(client: DockerClient, settings: Settings) -> None:
    """Before anything is made: whoever has a port keeps it, but for our own gateway.

    Raises:
        Refused: a port is taken.
    """
    own = container(client, f"{settings.name}-gateway")
    bound = own.ports.values() if own is not None else []
    ours = {int(one["HostPort"]) for ports in bound for one in ports or []}
    wanted = settings.ports.model_dump()
    wanted = {k: v for k, v in wanted.items() if (k == "https") == bool(settings.domain)}
    for name, port in wanted.items():
        if port in ours:
            continue
        family = socket.AF_INET6 if ":" in settings.listen else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((settings.listen, port))
            except OSError as error:
                raise Refused(
                    f"ports.{name} = {port}: {settings.listen}:{port}: {error.strerror}; end what "
                    "holds it, or give another port in ground.toml"
                ) from None


def disks_have_room(client: DockerClient, home: Path) -> None:
    """Here, and where the engine is of this machine.

    Raises:
        Refused: a disk is full.
    """
    root = Path(str(client.info().get("DockerRootDir", "")))
    here = next(folder for folder in (home, *home.parents) if folder.is_dir())
    for folder, wanted in ((root, FREE), (here, FREE_HERE)):
        if folder.is_dir() and (free := shutil.disk_usage(folder).free) < wanted:
            raise Refused(
                f"{folder}: {free // 2**20} MB are free, and {wanted // 2**20} are needed: the "
                "disk is full; remove what is not used (`docker system df` shows an engine's)"
            )


def have(client: DockerClient, image: str) -> bool:
    """Pull an image that is not there; whether it was.

    Raises:
        Refused: it can't be had.
    """
    with asked(image):
        try:
            client.images.get(image)
        except ImageNotFound:
            pass
        else:
            return True
    try:
        client.images.pull(image)
    except (DockerException, RequestException) as error:
        said = getattr(error, "explanation", None) or str(error)
        how = "correct it in ground.toml under [images], or reach its registry"
        if "no space left" in said:
            how = FULL
        raise Refused(f"{image}: not found, and can't be pulled: {said}; {how}") from None
    return False


def container(client: DockerClient, name: str) -> Any:
    with asked(name):
        try:
            return client.containers.get(name)
        except NotFound:
            return None


def file(client: DockerClient, name: str, path: str) -> bytes:
    """What stands in a file of a container."""
    with asked(f"{name}: {path}"):
        packed = b"".join(client.containers.get(name).get_archive(path)[0])
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        found = archive.extractfile(archive.getmembers()[0])
        return found.read() if found else b""


def things(client: DockerClient, ground: str) -> list[Any]:
    """Whatever an engine holds of a ground, in the order in which it can be removed."""
    label = {"label": f"{LABEL}={ground}"}
    with asked(ground):
        return [
            *client.containers.list(all=True, filters=label, ignore_removed=True),
            *client.networks.list(filters=label),
            *client.volumes.list(filters=label),
        ]


def guests(client: DockerClient, ground: str) -> tuple[list[Any], list[Any]]:
    """Containers of projects: on its network, and those that hold its volume for rules."""
    found = []
    for filters in ({"network": f"{ground}-projects"}, {"volume": f"{ground}-rules"}):
        with asked(ground):
            others = client.containers.list(all=True, filters=filters, ignore_removed=True)
        found.append([one for one in others if one.labels.get(LABEL) != ground])
    return found[0], found[1]


def part(client: DockerClient, ground: str) -> None:
    """Let them go on without: what is in use can't be removed."""
    there, holding = guests(client, ground)
    for one in there:
        with asked(one.name):
            client.networks.get(f"{ground}-projects").disconnect(one, force=True)
    for one in holding:
        if one.status != "running":  # it wrote what Prometheus is to know, and never runs
            with asked(one.name):
                one.remove(force=True)


def remove(things: Iterable[Any]) -> None:
    """Without terraform: what it does not know."""
    for thing in things:
        with asked(str(thing.attrs.get("Name"))), suppress(NotFound):
            if isinstance(thing, Container):
                thing.remove(force=True)
            else:
                thing.remove()
