"""What the program declares for a project: once, for tests that only look."""

import json
from pathlib import Path
from typing import Any

import pytest

from gitops.targets.terraform.synth import synth
from tests.gitops import stacks


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, declarers: Path) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "interpreters").symlink_to(declarers)
    return home


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stacks.project(tmp_path_factory.mktemp("declared") / "project", workers=2)


@pytest.fixture(scope="session")
def dev(home: Path, project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(synth(home, project, "dev"))
    return found


@pytest.fixture(scope="session")
def grounded(home: Path, project: Path) -> dict[str, Any]:
    """The same environment where whoever deploys it names a ground."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUND_NETWORK", "ground-projects")
        patch.setenv("GROUND_RULES", "ground-rules")
        found: dict[str, Any] = json.loads(synth(home, project, "dev"))
    return found


@pytest.fixture(scope="session")
def repository(home: Path, project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(synth(home, project, "repository"))
    return found
