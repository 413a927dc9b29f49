"""The release that a process serves: the bytes of its model, checked before anything opens them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.stage import StageError

MANIFEST = Path("release.json")


@dataclass(frozen=True)
class Release:
    tree: str
    model_sha256: str
    files: dict[str, bytes]  # what the model is made of, by path; nobody reads them from disk again
    others: dict[str, bytes] = field(default_factory=dict)  # what is told about it, by path

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
            return (self.files | self.others)[str(path)]
        except KeyError:
            raise StageError(f"{MANIFEST}: names no {path}") from None

    def other(self, path: Path) -> str | None:
        """The text of a file about the model, where the release has one."""
        found = self.others.get(str(path))
        return None if found is None else found.decode(errors="replace")

    def prove(self) -> dict[str, str]:
        """The sha256 of what is held now."""
        return {path: digest(held) for path, held in self.files.items()}


def read(folder: Path, *, others: bool = True) -> Release:
    """The release in a folder; without the others, those files need not be there.

    Raises:
        StageError: it is none, or a file is not what its manifest says.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text())
        tree, model = (str(manifest[key]) for key in ("tree", "model_sha256"))
        files = expected(manifest["files"])
        told = expected(manifest.get("others", {}) if others else {})
    except FileNotFoundError:
        raise StageError(f"{path}: not there; a service runs in the folder of a release") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StageError(f"{path}: no manifest of a release") from None
    held = {name: checked(folder, name, sha256) for name, sha256 in files.items()}
    if model not in files.values():
        raise StageError(f"{path}: model_sha256 is of none of its files")
    return Release(
        tree, model, held, {name: checked(folder, name, sha256) for name, sha256 in told.items()}
    )


def expected(said: dict[str, str]) -> dict[str, str]:
    return {str(name): str(sha256) for name, sha256 in said.items()}


def manifest(folder: Path, tree: str, model: Path, others: Iterable[Path]) -> dict[str, object]:
    """What a manifest of the files that lie there would say.

    Raises:
        StageError: there is no model.
    """
    names = sorted(str(path.relative_to(folder)) for path in (folder / model).parent.glob("*"))
    files = {name: digest((folder / name).read_bytes()) for name in names}
    if str(model) not in files:
        raise StageError(f"{model}: not there; `make reproduce` makes it")
    told = {str(path): digest((folder / path).read_bytes()) for path in others}
    return {"tree": tree, "model_sha256": files[str(model)], "files": files, "others": told}


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
