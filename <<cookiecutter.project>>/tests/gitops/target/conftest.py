"""A target of each kind, and two releases for it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gitops.deploying import deploy
from tests.gitops.target.kinds import (
    FIRST,
    SECOND,
    Given,
    Kind,
    OfContainers,
    OfProcesses,
    OfStacks,
)
from tests.serving import bundles


@pytest.fixture(scope="module", params=["process", "docker", "terraform"])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: dict[str, Callable[[], Kind]] = {
        "process": lambda: OfProcesses(request.getfixturevalue("interpreters")),
        "docker": OfContainers,
        "terraform": lambda: OfStacks(request.getfixturevalue("declarers")),
    }
    kind = found[request.param]()
    if why := kind.missing():
        pytest.skip(why)
    return kind


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


@pytest.fixture
def row(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = bundles.examples(bundle)[0]["row"]
    return found
