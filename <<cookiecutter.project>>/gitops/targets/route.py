"""Where clients are led: to one of two slots, by the newer of two files on a gateway's volume.

Each file holds the number of a deployment, and has it as its time too, in seconds. While the
engine writes one, its time is now, later than that of any other; afterwards it is the higher
number. So at no instant does the newer file name anything but the slot before or the slot after.
"""

import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from typing import Any

from docker.errors import NotFound

from gitops.targets.caddy import FOLDER, SLOTS
from gitops.targets.calls import asked, put


@dataclass(frozen=True)
class Route:
    slot: str
    number: int  # of the deployment


def read(gateway: Any) -> Route | None:
    """The route of a gateway's container, running or not; None where none was ever written."""
    with asked(gateway.name):
        try:
            packed, _ = gateway.get_archive(FOLDER)
        except NotFound:
            return None
        content = BytesIO(b"".join(packed))
    with tarfile.open(fileobj=content) as archive:
        files = {PurePath(one.name).name: archive.extractfile(one) for one in archive}
        texts = {slot: file.read().decode() for slot in SLOTS if (file := files.get(slot))}
    routes = [Route(slot, int(text)) for slot, text in texts.items() if text.isdecimal()]
    return max(routes, key=lambda one: one.number, default=None)


def write(gateway: Any, route: Route) -> None:
    """Lead clients there from the next request on."""
    put(gateway, FOLDER, {route.slot: str(route.number).encode()}, time=route.number)


def other(slot: str | None) -> str:
    """The slot that clients are not led to."""
    return next(one for one in SLOTS if one != slot)
