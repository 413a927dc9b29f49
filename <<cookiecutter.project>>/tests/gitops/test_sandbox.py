"""What a rehearsal is laid on: a forge of its own, and a first commit that says where all runs."""

from pathlib import Path

import pytest

from gitops import environment, sandbox
from gitops.git import Repository
from gitops.settings import Refused
from tests.projects import copy_project, succeed

BRANCHES = ("dev", "uat", "main")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "flights"
    root.mkdir()
    copy_project(root, "environments", "pyproject.toml", "params.yaml")
    succeed("git", "init", "--quiet", "--initial-branch=dev", cwd=root)
    (root / ".gitignore").write_text(".rehearsal/\n.venv\n")
    succeed("git", "add", "--all", cwd=root)
    succeed("git", "commit", "--quiet", "--message", "first", cwd=root)
    return root


def aimed(root: Path, target: str) -> Repository:
    """A repository whose commit says so."""
    sandbox.aim(Repository(root, "origin"), target, "registry.example/flights")
    return Repository(root, "origin")


def test_all_branches_hold_the_project_as_it_is(root: Path) -> None:
    context = sandbox.lay(root)

    tip = Repository(root, "rehearsal").commit("HEAD")
    assert [context.repository.tip(branch) for branch in BRANCHES] == [tip] * 3
    assert context.home == root / ".rehearsal/origin.forge"


def test_a_second_one_takes_the_place_of_the_first(root: Path) -> None:
    sandbox.lay(root)
    (root / ".rehearsal/left").touch()

    context = sandbox.lay(root, "process")

    assert not (root / ".rehearsal/left").exists()
    tips = {context.repository.tip(branch) for branch in BRANCHES}
    assert len(tips) == 1
    assert tips != {Repository(root, "rehearsal").commit("HEAD")}
    assert context.repository.git("status", "--porcelain") == ""


@pytest.mark.parametrize("target", ["docker", "terraform"])
def test_a_commit_says_where_all_runs(
    root: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_IMAGE", "a-gateway")

    repository = aimed(root, target)

    found = environment.read(root / "environments").values()
    assert {(one.target, one.gateway) for one in found} == {(target, "a-gateway")}
    said = repository.file("HEAD", "pyproject.toml")
    assert said
    assert b'image_repository = "registry.example/flights"' in said
    assert repository.git("status", "--porcelain") == ""


def test_a_shared_store_takes_the_place_of_the_projects_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_project(root, ".dvc")
    config = root / ".dvc/config"
    before = config.read_text().splitlines()
    monkeypatch.delenv("DATA_STORE", raising=False)
    aimed(root, "terraform")
    assert config.read_text().splitlines() == before

    monkeypatch.setenv("DATA_STORE", "s3://flights")
    repository = aimed(root, "terraform")

    after = config.read_text().splitlines()
    assert [line.strip() for line in after if line not in before] == ['url = "s3://flights"']
    assert len(after) == len(before)
    assert repository.git("status", "--porcelain") == ""


def test_no_gateway_is_chosen_where_nobody_does(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATEWAY_IMAGE", raising=False)
    aimed(root, "docker")
    assert {one.gateway for one in environment.read(root / "environments").values()} == {None}
    monkeypatch.setenv("GATEWAY_IMAGE", "a-gateway")
    aimed(root, "process")
    found = environment.read(root / "environments").values()
    assert {(one.target, one.gateway) for one in found} == {("process", None)}


def test_without_an_engine_nothing_goes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.lay(root)
    (root / ".rehearsal/left").touch()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    with pytest.raises(Refused, match=r"(?s)no container engine answers.*install an engine"):
        sandbox.lay(root, "docker")

    assert (root / ".rehearsal/left").exists()
