"""Environments of terraform: one that has no release, and one that has the first."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.targets.terraform.target import Terraform
from tests.gitops import stacks
from tests.gitops.containers import Made
from tests.gitops.deploying import deploy


@pytest.fixture
def target(tmp_path: Path, declarers: Path) -> Iterator[Terraform]:
    with stacks.target(tmp_path, declarers) as found:
        yield found


@pytest.fixture(scope="module")
def deployed(
    first: Made, declarers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terraform]:
    """For tests that leave it as they found it; its deployer has secrets."""
    with (
        pytest.MonkeyPatch.context() as patch,
        stacks.target(tmp_path_factory.mktemp("deployed"), declarers) as found,
    ):
        patch.setenv("GH_TOKEN", "not-for-a-service")  # pragma: allowlist secret
        deploy(found, 1, *first)
        yield found
