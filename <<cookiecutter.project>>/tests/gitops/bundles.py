"""The files of a release as they run, from a project in which every stage has run."""

import shutil
from pathlib import Path

from gitops import bundle
from gitops.records import Model, Release
from tests.gitops.repositories import release_of
from tests.projects import CODE, copy_project

TREE = "a" * 40


def bundle_of(trained: Path, folder: Path, tree: str = TREE) -> Release:
    """Make `folder` the bundle of a release of this tree, and return the release."""
    folder.mkdir(parents=True)
    copy_project(folder, *CODE, "gitops", "serving", "environments")
    shutil.copytree(trained / "models", folder / "models")
    (folder / "reports").mkdir()
    shutil.copy(trained / bundle.EXAMPLES, folder / bundle.EXAMPLES)
    files = {f"models/{path.name}": bundle.digest(path) for path in (folder / "models").iterdir()}
    bundle.seal(folder, tree, files)
    model = Model(sha256=files[bundle.MODEL], files=files, version=None, run=None)
    return release_of(tree, "b" * 40, model=model)


def numbered(release: Release, tree: str, version: int | None) -> Release:
    """The same files as the release of another tree, with a version that git has of it."""
    model = release.model.model_copy(update={"version": version})
    return release.model_copy(update={"tree": tree, "model": model})
