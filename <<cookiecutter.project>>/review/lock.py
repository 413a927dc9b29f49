"""What dvc.lock says of a tree: the hash of each output, and which stages it is behind on.

    python -m review.lock        # the working copy; exit 1 where a stage is stale

Asked of DVC, the second question costs a second and needs the data. Of a tree it can be
answered from the tree alone: an output of another stage counts as the lock has it.
"""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.stage import StageError, run

PATH = "dvc.lock"
MISSING = object()

Read = Callable[[str], bytes | None]  # a file of the tree by its path; None where there is none


def outputs(lock: Mapping[str, Any]) -> dict[str, str]:
    """The md5 of each output by its path."""
    return {
        output["path"]: output["md5"]
        for stage in lock["stages"].values()
        for output in stage.get("outs", [])
    }


def parse(text: bytes | str, source: str) -> dict[str, Any]:
    """A dvc.lock or dvc.yaml as a mapping.

    Raises:
        StageError: it is not YAML, or has no stages.
    """
    try:
        found = load(text)
    except yaml.YAMLError as error:
        raise StageError(f"{source}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or not isinstance(found.get("stages"), dict):
        raise StageError(f"{source}: has no stages; `make reproduce` writes it")
    return found


def stale(read: Read) -> dict[str, list[str]]:
    """The reasons of each stage that the lock is behind on, in the order of dvc.yaml.

    Raises:
        StageError: dvc.yaml is missing, or uses templating that only DVC resolves.
    """
    definition = read("dvc.yaml")
    if definition is None:
        raise StageError("dvc.yaml: not there; run from the project's root")
    if b"${" in definition:
        raise StageError("dvc.yaml: holds ${…}, which only DVC resolves: ask `dvc status`")
    stages = parse(definition, "dvc.yaml")["stages"]
    locked = read(PATH)
    lock = parse(locked, PATH)["stages"] if locked else {}
    made = outputs({"stages": lock})
    params = load(read("params.yaml") or b"")
    found = {
        name: list(reasons(stage, lock.get(name), made, params, read))
        for name, stage in stages.items()
    }
    return {name: why for name, why in found.items() if why}


def reasons(
    stage: Mapping[str, Any],
    lock: Mapping[str, Any] | None,
    made: Mapping[str, str],
    params: Any,
    read: Read,
) -> Iterator[str]:
    if lock is None:
        yield "never ran"
        return
    if stage["cmd"] != lock["cmd"]:
        yield "cmd changed"
    kept = {entry["path"]: entry["md5"] for entry in lock.get("deps", [])}
    for path in stage.get("deps", []):
        now = made.get(path) or hash_of(read(path))
        if kept.get(path) != now:
            known = "changed" if path in kept else "is new"
            yield f"{path} {known if now else 'is missing'}"
    yield from (f"{path} is no dependency any more" for path in kept.keys() - set(stage["deps"]))
    for key in stage.get("params", []):
        if lookup(params, key) != lookup(lock.get("params", {}).get("params.yaml", {}), key):
            yield f"params.yaml: {key} changed"
    outs = {path for kind in ("outs", "metrics", "plots") for path in names(stage.get(kind, []))}
    if outs != {entry["path"] for entry in lock.get("outs", [])}:
        yield "other outputs"


def names(entries: list[Any]) -> Iterator[str]:
    """Paths of a list in dvc.yaml: each a name, or one name with its settings."""
    for entry in entries:
        yield from entry if isinstance(entry, dict) else [entry]


def hash_of(content: bytes | None) -> str | None:
    # DVC's hash, which guards against accidents; releases are named by sha256.
    return None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest()


def load(text: bytes | str) -> Any:
    """YAML by the loader in C, where PyYAML has it: ten times as fast, and as safe."""
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def lookup(values: Any, key: str) -> Any:
    """The value of a dotted key, or `MISSING`; a lock holds it under the whole key."""
    if isinstance(values, Mapping) and key in values:
        return values[key]
    for part in key.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return MISSING
        values = values[part]
    return values


def working_copy(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None


def main() -> None:
    found = stale(working_copy)
    for name, why in found.items():
        print(f"{name}: {', '.join(why)}")
    if found:
        raise StageError("dvc.lock is behind; `make reproduce` brings it up to date")
    print("dvc.lock is up to date")


if __name__ == "__main__":
    run("lock", main) if len(sys.argv) == 1 else sys.exit("usage: python -m review.lock")
