"""A generated repository's environment is that of its locks' content, and shared by links."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from baking import ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = ROOT / "<<cookiecutter.project>>"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with the Makefile, and locks of one package: set up in seconds."""
    folder = tmp_path / "a project"
    (folder / "requirements").mkdir(parents=True)
    shutil.copy(TEMPLATE / "Makefile", folder)
    shutil.copy(TEMPLATE / "requirements/uv.txt", folder / "requirements")
    (folder / "requirements/dev.txt").touch()
    return folder


def setup(project: Path) -> tuple[int, bool]:
    """Return make's exit code, and whether it has made the environment."""
    done = subprocess.run(
        ["make", "setup"],
        cwd=project,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, "Setting up" in done.stdout


def stamps(project: Path) -> list[str]:
    return [path.name for path in (project / ".venv").glob("ready*")]


def test_a_changed_lock_makes_it_again_and_a_failure_leaves_no_stamp(project: Path) -> None:
    lock = project / "requirements/dev.txt"
    assert setup(project) == (0, True)
    first = stamps(project)
    os.utime(lock, (2**31, 2**31))
    assert setup(project) == (0, False)
    assert stamps(project) == first
    lock.write_text("no-such-package==0 --hash=sha256:" + "0" * 64 + "\n")
    assert setup(project)[0] != 0
    assert stamps(project) == []
    lock.write_text("")
    assert setup(project) == (0, True)
    assert stamps(project) == first


def test_a_link_leads_to_an_environment_that_is_shared(project: Path) -> None:
    shared, second = project.with_name("shared"), project.with_name("second")
    shared.mkdir()
    shutil.copytree(project, second)
    for folder in (project, second):
        (folder / ".venv").symlink_to(shared)
    assert setup(project) == (0, True)
    assert setup(second) == (0, False)
    assert (project / ".venv").is_symlink()
    # A program that the first has started goes on when its folder, and the link, are gone.
    shutil.rmtree(project)
    told = (shared / "pyvenv.cfg").read_text()
    assert str(project) not in told
    subprocess.run([shared / "bin/uv", "--version"], check=True, capture_output=True)
    subprocess.run([shared / "bin/pip", "--version"], check=True, capture_output=True)
