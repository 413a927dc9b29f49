"""Real images on a real engine, where terraform makes everything: no request fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops.targets.terraform import Terraform
from tests.gitops import stacks
from tests.gitops.containers import deploy, numbers
from tests.serving import bundles
from tests.serving.load import Load

pytestmark = pytest.mark.skipif(bool(reason := stacks.missing()), reason=str(reason))

FIRST, SECOND = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def first(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return stacks.released(bundle, tmp_path_factory.mktemp("first") / "bundle", FIRST)


@pytest.fixture(scope="module")
def second(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return stacks.released(bundle, tmp_path_factory.mktemp("second") / "bundle", SECOND)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Terraform]:
    with stacks.target(tmp_path) as found:
        yield found


@pytest.fixture
def row(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = bundles.examples(bundle)[0]["row"]
    return found


def test_a_replacement_under_constant_requests_fails_none(
    target: Terraform, first: tuple[Path, str], second: tuple[Path, str], row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    assert target.drift() == []
    load = Load(target.url, row)

    with load.constant():
        for number_, which in ((2, first), (3, second)):
            deploy(target, number_, *which)
            load.go_on()

    assert load.failures == []
    assert (load.releases[0], load.releases[-1]) == (FIRST, SECOND)
    assert numbers(target) == [3]
    assert target.drift() == []
