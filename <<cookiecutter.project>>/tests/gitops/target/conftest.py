"""A target of each kind, and two releases for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gitops import containers, stacks
from tests.gitops.deploying import FIRST, SECOND, deploy
from tests.gitops.target.kinds import (
    Given,
    Kind,
    OfContainers,
    OfProcesses,
    OfStacks,
)


@pytest.fixture(scope="module", params=["process", "docker", "terraform"])
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "process":
        return OfProcesses(request.getfixturevalue("interpreters"))
    if why := stacks.missing() if request.param == "terraform" else containers.missing():
        pytest.skip(why)
    if request.param == "terraform":
        return OfStacks(request.getfixturevalue("declarers"))
    return OfContainers()


@pytest.fixture(scope="module")
def first(kind: Kind, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Given:
    return kind.made(bundle, tmp_path_factory.mktemp("first") / "bundle", FIRST)


@pytest.fixture(scope="module")
def second(kind: Kind, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Given:
    return kind.made(bundle, tmp_path_factory.mktemp("second") / "bundle", SECOND)


@pytest.fixture(scope="module")
def deployed(kind: Kind, first: Given, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """For tests that leave it as they found it."""
    with kind.target(tmp_path_factory.mktemp("deployed")) as found:
        deploy(found, 1, *first)
        yield found


@pytest.fixture
def target(kind: Kind, tmp_path: Path) -> Iterator[Any]:
    with kind.target(tmp_path) as found:
        yield found
