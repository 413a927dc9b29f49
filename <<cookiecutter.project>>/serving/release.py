"""The release that a process serves: the bytes of its model, checked before anything opens them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.stage import StageError

MANIFEST = Path("release.json")


@dataclass(frozen=True)
class Release:
    tree: str
    model_sha256: str
    files: dict[str, bytes]  # what the model is made of, by path; nobody reads them from disk again

    def json(self, path: Path) -> object:
        """What one of its JSON files says.

        Raises:
            StageError: it has no such file, or not of JSON.
        """
        try:
            found: object = json.loads(self.bytes(path))
        except ValueError:
            raise StageError(f"{path}: not JSON") from None
        return found

    def bytes(self, path: Path) -> bytes:
        try:
            return self.files[str(path)]
        except KeyError:
            raise StageError(f"{MANIFEST}: names no {path}") from None

    def prove(self) -> dict[str, str]:
        """The sha256 of what is held now."""
        return {path: digest(held) for path, held in self.files.items()}


def read(folder: Path) -> Release:
    """The release in a folder.

    Raises:
        StageError: it is none, or a file is not what its manifest says.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text())
        tree, model, files = (manifest[key] for key in ("tree", "model_sha256", "files"))
        expected = {str(name): str(sha256) for name, sha256 in files.items()}
    except FileNotFoundError:
        raise StageError(f"{path}: not there; a service runs in the folder of a release") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StageError(f"{path}: no manifest of a release") from None
    held = {name: checked(folder, name, sha256) for name, sha256 in expected.items()}
    if model not in expected.values():
        raise StageError(f"{path}: model_sha256 is of none of its files")
    return Release(tree, model, held)


def checked(folder: Path, name: str, sha256: str) -> bytes:
    try:
        held = (folder / name).read_bytes()
    except OSError as error:
        raise StageError(f"{name}: can't be read: {error.strerror}") from None
    if (found := digest(held)) != sha256:
        raise StageError(
            f"{name}: not the file of this release: its sha256 is {found[:12]}…, "
            f"and {MANIFEST} says {sha256[:12]}…"
        )
    return held


def digest(held: bytes) -> str:
    return hashlib.sha256(held).hexdigest()
