"""When a ground is up: every service says so itself."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from docker import DockerClient  # type: ignore[import-untyped]

from ground.engine import asked
from ground.settings import FULL, LABEL, Refused

SECONDS = 180  # for all: the tracking server makes its tables on a busy machine
PAUSE = 0.3  # between two looks
BEHIND = (502, 503)  # what a gateway says of those behind it
WORDS = 3  # lines of what a failed one said last


def wait(
    client: DockerClient, ground: str, told: Callable[[str], None], seconds: float = SECONDS
) -> None:
    """Wait until all are healthy, and tell of each.

    Raises:
        Refused: one is not in time; what it said last is in the message.
    """
    deadline = time.monotonic() + seconds
    waiting = {one.name for one in services(client, ground)}
    while waiting:
        for one in services(client, ground):
            if one.name in waiting and state(one) == "healthy":
                waiting.remove(one.name)
                told(f"healthy: {one.name}")
        if waiting and time.monotonic() > deadline:
            name = sorted(waiting)[0]
            with asked(name):
                one = client.containers.get(name)
                said = one.logs(tail=WORDS).decode(errors="replace").strip()
            more = f"\n{FULL}" if "no space left on device" in said.lower() else ""
            raise Refused(f"{name}: not healthy after {seconds:.0f} s ({state(one)}): {said}{more}")
        time.sleep(PAUSE)


def answers(outputs: dict[str, str], seconds: float = SECONDS) -> None:
    """Wait until the gateway has seen by itself that those behind it are up.

    Raises:
        Refused: it has not, in time.
    """
    deadline = time.monotonic() + seconds
    for name in ("mlflow", "store", "registry"):
        url = outputs[name] if "://" in outputs[name] else f"http://{outputs[name]}"
        while (code := status(url)) in (None, *BEHIND):
            if time.monotonic() > deadline:
                raise Refused(f"{url}: no answer from behind the gateway ({code or 'none at all'})")
            time.sleep(PAUSE)


def status(url: str) -> int | None:
    """An answer's status; None where there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def services(client: DockerClient, ground: str) -> list[Any]:
    """Its containers that are to run: the one that fills the volumes has ended."""
    with asked(ground):
        found = client.containers.list(
            all=True, filters={"label": f"{LABEL}={ground}"}, ignore_removed=True
        )
    return [one for one in found if one.name != f"{ground}-volumes"]


def state(container: Any) -> str:
    about = container.attrs.get("State", {})
    # Of a list, the engine says it in words alone.
    if isinstance(about, str):
        container.reload()
        about = container.attrs["State"]
    if about.get("Status") != "running":
        return str(about.get("Status"))
    return str(about.get("Health", {}).get("Status", "running"))
