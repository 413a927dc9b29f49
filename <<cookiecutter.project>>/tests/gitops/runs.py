"""Runs of workflows in a temporary forge, by somebody without settings or a network."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops import forge
from gitops.forges.runner import Run, Runner
from tests.gitops.repositories import commit, forge_of


def runner_of(folder: Path, files: Mapping[str, str], patch: pytest.MonkeyPatch) -> Runner:
    """The runner of a new forge whose branch dev has these files."""
    (folder / "home").mkdir()
    patch.setenv("HOME", str(folder / "home"))
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        patch.setenv(name, "http://127.0.0.1:9")
    # The environment of whoever runs the tests is not taken over.
    patch.setattr(sys, "prefix", str(folder / "prefix"))
    repository = forge_of(folder)
    commit(repository, "dev", **files)
    return Runner(repository, forge.home(repository))


def said(run: Run) -> list[str]:
    """What the steps of a run have said."""
    lines = run.log.read_text().splitlines()
    return [line.partition("| ")[2] for line in lines if "]   | " in line]
