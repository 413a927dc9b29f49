"""A forge and a clone in a folder, before anything has happened."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops import environment, forge
from gitops.git import Repository
from tests.gitops.memory import Listing, World
from tests.gitops.past import Told
from tests.gitops.repositories import (
    forge_of,
)
from tests.gitops.stories import Story
from tests.gitops.tiny import STAGE, TRAIN, WORKFLOW, params_of
from tests.projects import ROOT, copy_of, succeed


def founded(folder: Path, extra: Mapping[str, str] | None = None) -> None:
    """A forge whose branches hold one tree without a model, and a clone; `extra` is in it too."""
    repository = forge_of(folder)
    path, remote = repository.path, folder / "origin.git"
    config = ["[core]", "    remote = store", "    analytics = false"]
    files = {
        ".dvc/config": "\n".join([*config, ""]),
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        ".gitignore": "/models/\n/reports/\n__pycache__/\n",
        ".github/workflows/pull-request.yml": WORKFLOW,
        "dvc.yaml": STAGE,
        "train.py": TRAIN,
        "params.yaml": params_of(0),
        "pipeline/features.py": "FEATURES = ()\n",
        "README.md": "# flights\n",
    } | dict(extra or {})
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    # They say whether a dvc.lock is up to date.
    for room, name in (("review", "lock.py"), ("pipeline", "stage.py")):
        (path / room).mkdir(exist_ok=True)
        (path / room / "__init__.py").touch()
        shutil.copy(ROOT / room / name, path / room)
    environments = environment.read(path / environment.FOLDER)
    succeed("git", "add", "--all", cwd=path)
    succeed("git", "commit", "--quiet", "--amend", "--message", "first", cwd=path)
    heads = (f"+HEAD:refs/heads/{one.branch}" for one in environments.values())
    succeed("git", "push", "--quiet", "origin", *heads, cwd=path)
    repository.fetch()
    for git in (remote, path / ".git"):
        shutil.rmtree(git / "hooks")
        # No housekeeping, which would run beside the test.
        with (git / "config").open("a") as file:
            file.write("[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n")
            file.write("[receive]\n\tautogc = false\n")


def packed(folder: Path) -> None:
    """Few files, since each story copies them."""
    for name in ("origin.git", "clone"):
        succeed("git", "gc", "--quiet", "--prune=now", cwd=folder / name)


def opened(folder: Path, patch: pytest.MonkeyPatch) -> Story:
    """The story of a folder that was founded, or of a copy of one."""
    repository = Repository(folder / "clone", "origin")
    config = repository.path / ".git/config"
    config.write_text(re.sub(r"url = .*", f"url = {folder}/origin.git", config.read_text()))
    environments = environment.read(repository.path / environment.FOLDER)
    home = forge.home(repository)
    world = World(Listing("memory:", "flights", home))
    for name in ("GITHUB_ACTOR", "GITHUB_RUN_ID", "GITHUB_STEP_SUMMARY"):
        patch.delenv(name, raising=False)
    # The tree is the same in each copy, so it can't say where the store is.
    (folder / "dvc").mkdir(exist_ok=True)
    (folder / "dvc/config").write_text(f"['remote \"store\"']\n    url = {folder}/store\n")
    patch.setenv("DVC_GLOBAL_CONFIG_DIR", str(folder / "dvc"))
    patch.setattr("gitops.deploy.verify", world.verify)
    # A review costs seconds; test_report.py makes one.
    patch.setattr("gitops.report.review", lambda *_: "The review.")
    return Story(Told(repository, environments, "flights", home, world))


def real(pipeline_run: Path, folder: Path) -> Story:
    """A forge whose dev holds what the template's own pipeline has made; nothing is released."""
    path = copy_of(pipeline_run, folder)
    config = path / ".dvc/config"
    # Absolute: a checkout elsewhere asks the same store.
    config.write_text(config.read_text().replace("../../store", str(folder / "store")))
    succeed("git", "commit", "--quiet", "--all", "--message", "An absolute store", cwd=path)
    succeed("git", "clone", "--quiet", "--bare", str(path), "origin.git", cwd=folder)
    succeed("git", "remote", "add", "origin", str(folder / "origin.git"), cwd=path)
    repository = Repository(path, "origin")
    repository.fetch()
    home = forge.home(repository)
    environments = environment.read(ROOT / environment.FOLDER)
    world = World(Listing("memory:", "flights", home))
    return Story(Told(repository, environments, "flights", home, world))
