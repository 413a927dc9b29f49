"""The repository starts with one commit and three branches, whatever the person's git holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from post_gen_project import absolute

if TYPE_CHECKING:
    from baking import Bake, Baked


def assert_born(baked: Baked) -> None:
    """Assert one commit, three branches on it, dev checked out, nothing left to commit."""
    assert baked.code == 0, baked.output
    assert baked.run("git", "rev-list", "--all", "--count") == "1\n"
    branches = baked.run("git", "for-each-ref", "--format=%(refname:short)")
    assert branches.split() == ["dev", "main", "uat"]
    assert baked.run("git", "symbolic-ref", "--short", "HEAD") == "dev\n"
    assert baked.run("git", "status", "--porcelain", "--ignored") == ""
    tracked = baked.run("git", "ls-files", "-z").split("\0")
    assert sorted(filter(None, tracked)) == baked.files()


def test_without_an_identity_the_owner_commits(bake: Bake) -> None:
    baked = bake({"owner": "acme/data-science"})
    assert_born(baked)
    author = baked.run("git", "log", "-1", "--format=%an <%ae>, %cn <%ce>")
    assert author == "acme <acme@users.noreply.github.com>, acme <acme@users.noreply.github.com>\n"
    assert baked.run("git", "config", "--local", "--list").count("user.") == 0


def test_a_person_with_an_identity_commits(bake: Bake, tmp_path: Path) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n  name = Ada\n  email = ada@example.org\n")
    baked = bake(env={"GIT_CONFIG_GLOBAL": str(settings)})
    assert baked.run("git", "log", "-1", "--format=%an %ae") == "Ada ada@example.org\n"


def test_hooks_signing_ignores_and_templates_do_not_break_it(bake: Bake, tmp_path: Path) -> None:
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    for name in ("pre-commit", "commit-msg", "reference-transaction"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "ignore").write_text("*.toml\n.github\n")
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"""[init]
  templateDir = {hooks.parent}
  defaultBranch = trunk
[core]
  hooksPath = {hooks}
  excludesFile = {tmp_path / "ignore"}
  autocrlf = true
[commit]
  gpgSign = true
[branch]
  autoSetupMerge = always
[user]
  signingKey = none
  useConfigOnly = true
"""
    )
    baked = bake(env={"GIT_CONFIG_GLOBAL": str(settings)})
    assert_born(baked)
    assert "branch." not in baked.run("git", "config", "--local", "--list")


def test_inside_another_repository(bake: Bake, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    baked = bake(
        folder=tmp_path,
        env={"GIT_DIR": str(tmp_path / ".git"), "GIT_INDEX_FILE": str(tmp_path / "index")},
    )
    assert_born(baked)
    refs = ["git", "-C", str(tmp_path), "for-each-ref"]
    assert subprocess.run(refs, capture_output=True, text=True, check=True).stdout == ""


def test_a_repository_that_is_there_gets_files_and_no_commit(bake: Bake, tmp_path: Path) -> None:
    baked = bake(folder=tmp_path)
    (baked.path / "params.yaml").write_text("old\n")
    again = bake({}, "--overwrite-if-exists", folder=tmp_path)
    assert again.code == 0, again.output
    assert "see git diff" in again.output
    assert_born(again)


def test_it_says_what_to_do_next(baked: Baked) -> None:
    assert f"  cd {baked.path}\n  make setup\n  make reproduce\n" in baked.output


@pytest.mark.parametrize(
    ("store", "place"),
    [
        ("store", "/home/ada/store"),
        ("../store", "/home/store"),
        ("/srv/store", "/srv/store"),
        ("~/store", "~/store"),
        ("s3://bucket/store", "s3://bucket/store"),
    ],
)
def test_a_store_is_where_a_person_means(store: str, place: str) -> None:
    assert absolute(store, Path("/home/ada")) == place


@pytest.mark.parametrize("store", ["store", "remote", "my store, (new)"])
def test_dvc_finds_the_store(bake: Bake, tmp_path: Path, store: str) -> None:
    baked = bake({"data_store": store}, folder=tmp_path)
    assert_born(baked)
    command = [sys.executable, "-m", "dvc", "config", "remote.store.url"]
    done = subprocess.run(command, cwd=baked.path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}/{store}\n"
