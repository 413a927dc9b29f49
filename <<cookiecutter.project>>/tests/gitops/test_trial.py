"""The working copy as an image: built of what lies there, and run."""

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops import engine, image, trial
from gitops.git import Repository
from gitops.settings import Refused
from gitops.targets.client import Silent, ask
from tests.gitops import containers
from tests.projects import ROOT, succeed
from tests.serving import bundles
from tests.serving.bundles import SECONDS, until

RUNS = pytest.mark.skipif(bool(containers.missing()), reason=f"no engine: {containers.missing()}")


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Repository:
    """A project in which all stages have run, with a change that is not committed."""
    root = tmp_path / "project"
    shutil.copytree(bundle, root)
    (root / "release.json").unlink()
    shutil.copy(ROOT / ".dockerignore", root)
    path = root / "pyproject.toml"
    path.write_text(path.read_text().replace('name = "flights"', f'name = "{containers.name()}"'))
    (root / ".gitignore").write_text("/models/\n/reports/\n")
    succeed("git", "init", "--quiet", "--initial-branch=dev", cwd=root)
    succeed("git", "add", "--all", cwd=root)
    succeed("git", "commit", "--quiet", "--message", "first", cwd=root)
    (root / "environments/dev.toml").open("a").write("# mine\n")
    return Repository(root, "")


def test_its_tree_is_what_a_commit_of_it_would_have(copy: Repository) -> None:
    found = trial.tree(copy)
    assert copy.git("status", "--porcelain").split() == ["M", "environments/dev.toml"]
    succeed("git", "commit", "--quiet", "--all", "--message", "mine", cwd=copy.path)
    assert copy.tree("HEAD") == found


def test_there_is_no_model_yet(copy: Repository) -> None:
    shutil.rmtree(copy.path / "models")
    with pytest.raises(Refused, match=r"models/model\.onnx: not there; `make reproduce` makes it"):
        trial.make(copy)


@pytest.fixture
def made(copy: Repository) -> Iterator[str]:
    name = trial.make(copy)
    yield name
    with contextlib.closing(engine.connect()) as client:
        client.images.remove(name, force=True)


@RUNS
def test_it_runs(copy: Repository, made: str) -> None:
    port = bundles.free_port()
    tree = trial.tree(copy)
    with contextlib.closing(engine.connect()) as client:
        assert client.images.get(made).labels[image.TREE] == tree
    with subprocess.Popen(trial.command(made, "dev", port)) as process:
        try:
            until(lambda: process.poll() is not None or answers(port))
            told = ask(f"http://127.0.0.1:{port}", "/release", seconds=SECONDS)
            assert (told["tree"], told["environment"]) == (tree, "dev")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(SECONDS)


def answers(port: int) -> bool:
    try:
        ask(f"http://127.0.0.1:{port}", "/health/ready", seconds=SECONDS)
    except Silent:
        return False
    return True
