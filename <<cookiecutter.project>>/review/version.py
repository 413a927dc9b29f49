"""One side of a comparison: a commit's outputs, brought back by hash and never made anew."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pipeline import files, params
from pipeline.stage import StageError
from review import git, lock

KEPT = Path(".dvc/tmp/review")  # outputs of other commits by the hash of their dvc.lock
NEEDED = (
    files.PREDICTIONS,
    files.METRICS,
    files.STATISTICS,
    files.VALIDATION,
    files.COST,
    files.SLICES,
    files.LEARNING,
    files.IMPORTANCE,
)


@dataclass(frozen=True)
class Version:
    name: str  # as people call it: candidate, base, PROD
    ref: str  # as they named it
    folder: Path  # where its outputs lie
    outputs: Mapping[str, str]  # md5 by path
    settings: Mapping[str, Any]  # params.yaml

    def json(self, path: Path) -> Any:
        return files.read_json(self.folder / path)

    def curve(self, name: str) -> Any:
        path = self.folder / files.REPORTS / f"{name}.json"
        return files.read_json(path) if path.exists() else []

    @cached_property
    def predictions(self) -> pl.DataFrame:
        return files.read_parquet(self.folder / files.PREDICTIONS)


def candidate() -> Version:
    """The working copy as it stands.

    Raises:
        StageError: its outputs are missing or not those of its dvc.lock.
    """
    params.read()  # with its errors, before anything is compared
    if behind := lock.stale(lock.working_copy):
        raise StageError(
            f"dvc.lock is behind on {', '.join(behind)}; run `make reproduce` before the report"
        )
    outputs = lock.outputs(lock.parse(Path(lock.PATH).read_bytes(), lock.PATH))
    folder = Path()
    for path in NEEDED:
        if not same(path, outputs):
            raise StageError(f"{path}: not what dvc.lock names; run `dvc checkout`, or reproduce")
    settings = yaml.safe_load(params.PATH.read_text())
    return Version("candidate", "working copy", folder, outputs, settings)


def restore(name: str, ref: str) -> Version:
    """Another commit, its outputs restored from DVC's cache or its remote.

    Raises:
        StageError: no such commit, it has no dvc.lock, or an output is nowhere or damaged.
    """
    commit = git.resolve(ref)
    text = git.text(commit, lock.PATH)
    if text is None:
        raise StageError(
            f"{ref}: has no dvc.lock, so there is no model to compare with; "
            "leave BASE out to see the candidate alone"
        )
    source = f"{ref}:{lock.PATH}"
    outputs = lock.outputs(lock.parse(text, source))
    folder = KEPT / hashlib.sha256(text.encode()).hexdigest()[:16]
    wanted = [str(path) for path in NEEDED]
    wanted += [
        path for path in outputs if Path(path).parent == files.REPORTS and path[-5:] == ".json"
    ]
    fetch(ref, commit, outputs, list(dict.fromkeys(wanted)), folder)
    settings = yaml.safe_load(git.text(commit, str(params.PATH)) or "{}")
    return Version(name, ref, folder, outputs, settings)


def fetch(
    ref: str, commit: str, outputs: Mapping[str, str], paths: list[str], folder: Path
) -> None:
    """Put the outputs `paths` of a commit into `folder`; what lies there already is kept."""
    absent = [path for path in paths if not (folder / path).exists()]
    if unknown := [path for path in absent if path not in outputs]:
        raise StageError(f"{ref}: its dvc.lock names no {', '.join(unknown)}; compare by hand")
    if not absent:
        return
    # Loading DVC takes half a second: only where it is needed.
    from dvc.api import DVCFileSystem

    folder.mkdir(parents=True, exist_ok=True)
    os.environ["DVC_NO_ANALYTICS"] = "1"
    tree = DVCFileSystem(".", rev=commit)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        for path in absent:
            target = Path(temporary) / path.replace("/", "-")
            try:
                tree.get_file(path, str(target))
            except Exception as error:  # each store raises errors of its own
                raise StageError(
                    f"{ref}: {path} is in no cache ({type(error).__name__}); "
                    f"`dvc fetch` it, or check out {ref} and run `make reproduce` and `make push`"
                ) from None
            if lock.hash_of(target.read_bytes()) != outputs[path]:
                raise StageError(
                    f"{ref}: {path} is damaged: its md5 is not {outputs[path]}, which dvc.lock "
                    "names; it is not used. Delete it from the cache or store and reproduce it"
                )
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(target, folder / path)


def same(path: Path, outputs: Mapping[str, str]) -> bool:
    content = lock.working_copy(str(path))
    return content is not None and lock.hash_of(content) == outputs.get(str(path))
