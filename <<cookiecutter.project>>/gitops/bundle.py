"""The files of one release as they run: those of its tree, and its model by sha256.

`<home>/releases/<tree>/` holds the tree, the outputs under models/, what was reported about them
(the examples are those that a deployment is verified by), and release.json, which the service
checks its files against. Every environment runs the same folder, or the image made from it.
"""

import compileall
import contextlib
import hashlib
import io
import json
import os
import py_compile
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gitops.git import Repository
from gitops.lock import held
from gitops.plumbing import SECONDS, quiet
from gitops.records import Release
from gitops.settings import Refused

LOCK = "dvc.lock"
MODEL = "models/model.onnx"  # whose sha256 names the model everywhere, as in MLflow
EXAMPLES = "reports/examples.json"
METRICS = "reports/metrics.json"
CARD, STATISTICS = "reports/model-card.md", "reports/statistics.json"
OTHERS = (EXAMPLES, METRICS, STATISTICS, CARD)  # what a service tells about its model
MANIFEST = "release.json"
PATIENCE = 60  # seconds for another run to put its folder in place, which takes it a moment
CODE = ("pipeline", "serving")  # what a service imports


def make(repository: Repository, release: Release, home: Path) -> Path:
    """The folder of a release, made if it is not there or not whole.

    Raises:
        Refused: an output is nowhere, or is not what the release names.
    """
    folder = place(home, release.tree)
    if whole(folder, release.model.files):
        return folder
    with making(home) as work:
        extract(repository, release.commit, work)
        others = reported(release.data)
        fetch(repository, release.commit, [*release.model.files, *others], work)
        for path, sha256 in release.model.files.items():
            if digest(work / path) != sha256:
                raise Refused(
                    f"{path}: not what release {release.name} names ({sha256[:12]}…), though it "
                    f"is what its {LOCK} names; see who wrote release/{release.name}"
                )
        seal(work, release.tree, release.model.files)
        keep(work, folder, release.model.files)
    return folder


def reported(outputs: Iterable[str]) -> list[str]:
    """Which of the pipeline's outputs a release has beside its model's files."""
    found = set(outputs)
    return [path for path in OTHERS if path in found or path == EXAMPLES]


def place(home: Path, tree: str) -> Path:
    return home / "releases" / tree


@contextlib.contextmanager
def making(home: Path) -> Iterator[Path]:
    """A folder to fill: it is gone afterwards, unless `keep` has put it in its place."""
    releases = home / "releases"
    releases.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=releases, prefix=".", ignore_cleanup_errors=True) as name:
        work = Path(name) / "files"
        work.mkdir()
        yield work


def keep(work: Path, folder: Path, files: Mapping[str, str]) -> None:
    """Put a whole folder in its place; what was damaged there goes away first."""
    with held(folder.parent.with_suffix(".lock"), PATIENCE):
        if whole(folder, files):  # another run was as fast, and somebody may read there already
            return
        with contextlib.suppress(FileNotFoundError):
            folder.rename(work.parent / "damaged")
        with contextlib.suppress(OSError):
            work.rename(folder)
    if not whole(folder, files):
        raise Refused(f"{folder}: can't be written; see its permissions and the free space")


def seal(work: Path, tree: str, files: Mapping[str, str]) -> None:
    others = {path: digest(work / path) for path in OTHERS if (work / path).is_file()}
    manifest = {
        "tree": tree,
        "model_sha256": files[MODEL],
        "files": dict(files),
        "others": others,
    }
    (work / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    # A service writes nothing here, so each start of one would compile anew. It checks that the
    # bytecode is of the source that lies there.
    for room in CODE:
        compileall.compile_dir(
            work / room, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )


def whole(folder: Path, files: Mapping[str, str]) -> bool:
    """Is this a finished folder with these files in it?"""
    try:
        others = json.loads((folder / MANIFEST).read_text()).get("others", {})
        files = {**others, **files}
    except (OSError, ValueError, AttributeError, TypeError):
        return False
    return all(
        (folder / path).is_file() and digest(folder / path) == sha256
        for path, sha256 in files.items()
    )


def extract(repository: Repository, commit: str, folder: Path) -> None:
    """Write the files of a commit."""
    done = subprocess.run(
        ["git", "archive", "--format=tar", commit],
        cwd=repository.path,
        env=quiet(),
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        raise Refused(f"git archive {commit[:12]}: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def fetch(repository: Repository, commit: str, paths: Iterable[str], folder: Path) -> None:
    """Write outputs of a commit, from DVC's cache or its remote.

    Raises:
        Refused: one is in neither, or is not what dvc.lock names.
    """
    named = outputs(repository.file(commit, LOCK) or b"")
    # Loading DVC takes half a second: only where it is needed.
    from dvc.api import DVCFileSystem

    os.environ["DVC_NO_ANALYTICS"] = "1"
    tree = DVCFileSystem(str(repository.path), rev=commit)
    for path in paths:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            tree.get_file(path, str(target))
        except Exception as error:  # each store raises errors of its own
            raise Refused(
                f"{path} of {commit[:12]}: in no cache and not in the data store "
                f"({type(error).__name__}); `make push` from a machine that has it"
            ) from None
        # The cache is not looked at by DVC once it is filled.
        found = hashlib.md5(target.read_bytes(), usedforsecurity=False).hexdigest()
        if found != named.get(path):
            place = f"{named.get(path, '')[:2]}/{named.get(path, '')[2:]}"
            raise Refused(
                f"{path} of {commit[:12]}: changed in the cache or in the data store: delete "
                f"{place} there, then `make push` from a machine that has it"
            )


def outputs(lock: bytes) -> dict[str, str]:
    """The md5 of each output of a dvc.lock, by path.

    Raises:
        Refused: it is no dvc.lock.
    """
    try:
        found = yaml.load(lock, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        stages: list[Mapping[str, Any]] = list(found["stages"].values())
        return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise Refused(
            f"{LOCK}: not DVC's ({type(error).__name__}); `make reproduce` writes it"
        ) from None


def run(folder: Path, *words: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a module of a tree there, by this interpreter, and leave nothing among its files.

    Raises:
        Refused: it takes too long.
    """
    env = quiet() | {"PYTHONPATH": str(folder)}
    try:
        return subprocess.run(
            [sys.executable, "-B", "-m", *words],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"python -m {' '.join(words)}: not done after {seconds:.0f} s") from None


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
