"""Where clients are led: to one of two slots, by the newer of two files on a gateway's volume.

Each file holds the number of a deployment, and has it as its time too, in seconds. While the
engine writes one, its time is now, later than that of any other; afterwards it is the higher
number. So at no instant does the newer file name anything but the slot before or the slot after.
"""

import tarfile
from dataclasses import dataclass
from io import BytesIO
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
    routes = [found for slot in SLOTS if (found := entry(gateway, slot))]
    return max(routes, key=lambda one: one.number, default=None)


def write(gateway: Any, route: Route) -> None:
    """Lead clients there from the next request on."""
    put(gateway, FOLDER, {route.slot: str(route.number).encode()}, time=route.number)


def entry(gateway: Any, slot: str) -> Route | None:
    with asked(gateway.name):
        try:
            packed, _ = gateway.get_archive(f"{FOLDER}/{slot}")
        except NotFound:
            return None
        with tarfile.open(fileobj=BytesIO(b"".join(packed))) as archive:
            file = archive.extractfile(slot)
            text = file.read().decode() if file else ""
    return Route(slot, int(text)) if text.isdecimal() else None


def other(slot: str | None) -> str:
    """The slot that clients are not led to."""
    return next(one for one in SLOTS if one != slot)
