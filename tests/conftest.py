"""A clean copy of the template, and the bake of it by the real command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from baking import ROOT, Bake, Baked, clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this repository as a clone would hold it, without what tools left here."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    copy = tmp_path_factory.mktemp("template")
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="session")
def bake(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Return a function that runs the real cookiecutter command, as somebody without settings."""
    home = tmp_path_factory.mktemp("home")

    def bake(
        answers: Mapping[str, str] = {},
        *options: str,
        typed: str | None = None,
        folder: Path | None = None,
        env: Mapping[str, str] = {},
    ) -> Baked:
        folder = folder or tmp_path_factory.mktemp("bake")
        command = [sys.executable, "-m", "cookiecutter", *options, str(template)]
        if typed is None:
            command.append("--no-input")
        done = subprocess.run(
            [*command, *(f"{name}={answer}" for name, answer in answers.items())],
            cwd=folder,
            env=clean_environment() | {"HOME": str(home)} | dict(env),
            input=typed or "",
            capture_output=True,
            text=True,
            check=False,
        )
        path = folder / answers.get("project", "flights")
        return Baked(done.returncode, done.stdout + done.stderr, path)

    return bake


@pytest.fixture(scope="session")
def baked(bake: Bake) -> Baked:
    """Return a repository baked with the default answers; tests only read it."""
    result = bake()
    assert result.code == 0, result.output
    return result
