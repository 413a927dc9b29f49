"""Where a deployment is brought up: the seam between what is decided and what is run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Running:
    """What answers at an address, in its own words."""

    tree: str  # the release whose files serve
    environment: str
    number: int  # of the deployment that brought it up
    model_sha256: str
    files: dict[str, str]  # sha256 of what it holds in memory, by path
    image: str | None = None  # repository@digest that it is; None where services are no images

    def comes_from(self, image: str | None) -> bool:
        """Is it this image, if it is one?"""
        return self.image is None or self.image == image


class Target(Protocol):
    """One environment's place. Every method can be called again after an interruption."""

    @property
    def name(self) -> str:
        """The environment's."""

    @property
    def url(self) -> str:
        """Where clients ask."""

    def running(self, url: str | None = None) -> Running | None:
        """What answers at the public address (or at `url`); None where nothing does."""

    def start(self, number: int, bundle: Path, image: str | None = None) -> str:
        """Bring up a release beside what serves, and return its private URL.

        A target takes what it needs of the two: the release's files, or its image.

        Raises:
            Refused: it does not come up; what it said last is in the message.
        """

    def switch(self, number: int) -> None:
        """Let clients reach this one; the former finishes what it has begun, and ends.

        Raises:
            Refused: a newer number has been switched in, or the address is taken.
        """

    def discard(self, number: int) -> None:
        """End one that was started and not switched in."""

    def stop(self) -> None:
        """End everything that runs here; what services kept stays."""

    def clear(self) -> None:
        """End everything that runs here, and remove what it kept."""

    def drift(self) -> list[str]:
        """What is otherwise than it was made, each with its name, where that is remembered."""

    def mend(self) -> None:
        """Make it again as it was made.

        Raises:
            Refused: it can't be.
        """
