"""A target is given releases as gitops/deploy.py gives them."""

import json
from pathlib import Path

from gitops.target import Target
from gitops.verify import verify

FIRST, SECOND = "a" * 40, "b" * 40  # trees of releases


def deploy(target: Target, number: int, bundle: Path, image: str | None = None) -> None:
    """Bring up, verify, and switch in; what fails is ended."""
    tree = json.loads((bundle / "release.json").read_text())["tree"]
    url = target.start(number, bundle, image)
    try:
        verify(url, tree, bundle)
        target.switch(number)
    except BaseException:
        target.discard(number)
        raise


def number(target: Target) -> int | None:
    """The deployment that answers clients."""
    running = target.running()
    return running.number if running else None
