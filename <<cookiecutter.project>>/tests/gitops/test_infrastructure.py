"""What a pull request does to what runs: told where it does anything, by real plans."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops import environment, infrastructure
from gitops.context import Context
from gitops.environment import Environment
from gitops.infrastructure import made, section
from gitops.settings import Refused
from gitops.targets.terraform.plan import page
from gitops.targets.terraform.target import Terraform
from tests.gitops import containers, stacks
from tests.gitops.deploying import deploy
from tests.gitops.stories import Story
from tests.projects import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The checkout of a pull request in which terraform makes dev and uat."""
    root = stacks.project(tmp_path / "changed")
    path = root / "environments/uat.toml"
    path.write_text(path.read_text().replace('"process"', '"terraform"'))
    return root


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    def brought(_: Context, where: Environment, __: Path) -> str:
        return f"**{where.name}**: planned\n"

    monkeypatch.setattr(infrastructure, "brought", brought)


def told(settled: Story, folder: Path, **files: str) -> str:
    """What is told of a pull request with these files."""
    settled.repository.git("push", "--quiet", "origin", "origin/dev:refs/heads/mine")
    settled.commit("mine", **files)
    return section(settled.context, folder, settled.forge.open("mine", "dev", "Change", ""))


@pytest.mark.usefixtures("planned")
class TestWhenItIsTold:
    def test_a_document_changes_nothing(self, settled: Story, folder: Path) -> None:
        assert told(settled, folder, **{"docs/why.md": "x\n"}) == ""

    def test_a_release_that_serves_otherwise_changes_its_environment(
        self, settled: Story, folder: Path
    ) -> None:
        text = told(settled, folder, **{"serving/app.py": "x\n"})

        assert "## Infrastructure" in text
        assert "**dev**: planned" in text
        assert "uat" not in text

    @pytest.mark.parametrize("path", ["environments/uat.toml", "infra/service.py"])
    def test_what_is_declared_changes_all(self, settled: Story, folder: Path, path: str) -> None:
        text = told(settled, folder, **{path: "x\n"})

        assert "**dev**: planned" in text
        assert "**uat**: planned" in text
        assert "prod" not in text

    def test_where_terraform_makes_nothing_nothing_is_told(
        self, settled: Story, folder: Path
    ) -> None:
        shutil.copytree(ROOT / "environments", folder / "environments", dirs_exist_ok=True)

        assert told(settled, folder, **{"infra/service.py": "x\n"}) == ""

    def test_a_file_that_is_wrong_is_said(self, settled: Story, folder: Path) -> None:
        (folder / "environments/dev.toml").write_text("branch = 1\n")

        assert "No plan: " in told(settled, folder, **{"environments/dev.toml": "branch = 1\n"})


def test_an_environment_of_another_kind_is_refused(settled: Story) -> None:
    with pytest.raises(Refused, match=r'dev\.toml: target = "process": terraform makes nothing'):
        made(settled.context, "dev")


needed = pytest.mark.skipif(bool(reason := stacks.missing()), reason=str(reason))


@needed
class TestARealPlan:
    @pytest.fixture(scope="class")
    @classmethod
    def target(
        cls, bundle: Path, declarers: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Terraform]:
        release = containers.made(bundle, tmp_path_factory.mktemp("release") / "bundle", "a" * 40)
        with stacks.target(tmp_path_factory.mktemp("stack"), declarers) as found:
            deploy(found, 1, *release)
            yield found

    def changed(self, target: Terraform, folder: Path, old: str, new: str) -> str:
        """What bringing up a release with another setting changes."""
        shutil.copytree(target.root, folder)
        path = folder / "environments/dev.toml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        where = environment.read(folder / "environments")["dev"]
        other = Terraform(target.home, where, target.project, folder)
        changes, whole = other.plan(folder, released=True)
        return page("dev", changes, None, whole)

    def test_a_release_takes_the_place_of_another_and_interrupts_nobody(
        self, target: Terraform, tmp_path: Path
    ) -> None:
        text = self.changed(target, tmp_path / "root", "memory_mb = 2048", "memory_mb = 1024")

        assert "**dev**: 1 made, 1 destroyed; no interruption." in text
        assert f"| made | container | `{target.stack}-2` | — |" in text
        assert f"| destroyed | container | `{target.stack}-1` | — |" in text
        assert "memory                                      = 1024" in text
        assert target.drift() == []

    def test_another_address_interrupts(self, target: Terraform, tmp_path: Path) -> None:
        address = target.environment.address
        text = self.changed(target, tmp_path / "root", address, "127.0.0.1:1")

        assert f"**interrupts** clients: {target.stack}-gateway" in text
        assert f"| replaced | container | `{target.stack}-gateway` |" in text

    def test_nothing_changes_where_nothing_is_changed(self, target: Terraform) -> None:
        assert target.plan(target.root) == ([], "")
