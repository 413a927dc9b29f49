"""A baked repository is green under its own commands, in its own environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from baking import Bake, Baked

# Baking changes no file of these, nor of what they test, and `make demo` closes a baked project's
# whole loop with both: once, unbaked, is enough for what takes half an hour.
ROOMS = ("gitops", "infra", "serving")


@pytest.fixture(scope="module")
def project(bake: Bake) -> Baked:
    """Return a repository that is set up, with answers that take some care to write down."""
    baked = bake({"project": "late-flights", "description": "\"Late\": $5 \\ #1 'é' 🛫 <b>?"})
    assert baked.code == 0, baked.output
    baked.run("make", "setup")
    return baked


def test_make_alone_lists_its_tasks(baked: Baked) -> None:
    listed = re.findall(r"^make (\w+) +\S", baked.run("make"), re.MULTILINE)
    makefile = (baked.path / "Makefile").read_text("utf-8")
    assert listed == re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE)
    assert {"setup", "reproduce", "report", "check", "test"} <= set(listed)


def test_its_checks_are_green(project: Baked) -> None:
    assert "Failed" not in project.run("make", "check")


def test_its_tests_are_green(project: Baked) -> None:
    left_out = " ".join(f"--ignore=tests/{name}" for name in ROOMS)
    said = project.run("env", f"PYTEST_ADDOPTS={left_out}", "make", "test")
    assert " passed" in said.splitlines()[-1]


def test_its_commands_leave_nothing_to_commit(project: Baked) -> None:
    assert project.run("git", "status", "--porcelain") == ""
