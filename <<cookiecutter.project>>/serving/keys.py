"""API keys: who has one may ask for answers. Their sha256 lie in a file; nobody can read one there.

    printf %s "$KEY" | sha256sum       gives the hash of a line `name hash`

A key is a long random text, so a plain hash is enough: no list of likely ones leads to it.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.stage import StageError

LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64})\s+(?P<sha256>[0-9a-f]{64})")
BEARER = b"bearer "


class Keys:
    def __init__(self, hashes: Mapping[str, str]) -> None:
        """The sha256 of each key, by the name of who holds it."""
        self.hashes = [sha256.encode() for sha256 in hashes.values()]

    def allow(self, authorization: bytes, key: bytes) -> bool:
        """Is one of these headers a key? All are compared, so the time taken says nothing."""
        said = key
        if not said and authorization[: len(BEARER)].lower() == BEARER:
            said = authorization[len(BEARER) :].strip()
        found = hashlib.sha256(said).hexdigest().encode()
        return sum(hmac.compare_digest(found, known) for known in self.hashes) > 0


def read(path: Path) -> Keys:
    """The keys of a file; lines that begin with # are for people.

    Raises:
        StageError: it can't be read, or a line is none; its number is told, never its text.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise StageError(f"{path}: the API keys can't be read: {reason}") from None
    hashes: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = LINE.fullmatch(line.strip())
        if not found or found["name"] in hashes:
            raise StageError(
                f"{path}: line {number}: must be a name of its own and the sha256 of its key"
            )
        hashes[found["name"]] = found["sha256"]
    if not hashes:
        raise StageError(f"{path}: holds no API key; nobody could ask")
    return Keys(hashes)
