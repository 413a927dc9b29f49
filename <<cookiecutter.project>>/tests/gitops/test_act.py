"""What act is told: names of secrets, never their values; a checkout that needs no network."""

import os
import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from gitops.forges import act
from gitops.forges.work import Work
from gitops.settings import Refused
from tests.projects import ROOT


@pytest.fixture
def here(tmp_path: Path) -> Work:
    (tmp_path / "tmp").mkdir()
    return Work(3, tmp_path, tmp_path / "3-deliver.log", lock=-1, deadline=0)


def pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def test_secrets_that_are_set_are_named_and_no_value_is_shown(here: Work) -> None:
    env = {"AWS_ACCESS_KEY_ID": "first", "AWS_SECRET_ACCESS_KEY": "", "MLFLOW_TRACKING_URI": "uri"}
    words = act.command("push", "deliver.yml", ROOT, here, env, "Test")
    assert ("--secret", "AWS_ACCESS_KEY_ID") in pairs(words)
    assert ("--var", "MLFLOW_TRACKING_URI") in pairs(words)
    assert "AWS_SECRET_ACCESS_KEY" not in words
    assert not {"first", "uri"} & set(words)


def test_every_action_of_the_workflows_has_one_in_its_place(here: Work) -> None:
    for path in (ROOT / ".github/workflows").iterdir():
        text = path.read_text()
        words = act.command("push", path.name, ROOT, here, {}, "Test")
        replaced = [word.partition("=")[0] for name, word in pairs(words) if "--local" in name]
        assert set(replaced) == set(re.findall(r"- uses: (\S+)", text))


def test_every_variable_and_secret_that_a_workflow_reads_is_passed() -> None:
    texts = "".join(path.read_text() for path in (ROOT / ".github/workflows").iterdir())
    # Which machine runs a job is no setting of this one.
    assert set(re.findall(r"\bvars\.(\w+)", texts)) - {"RUNNER"} == set(act.VARS)
    assert set(re.findall(r"\bsecrets\.(\w+)", texts)) == set(act.SECRETS)


def test_make_unsets_each_of_them_that_is_empty() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", "")
    (line,) = [line for line in makefile.splitlines() if line.startswith("STORES :=")]
    assert set(line.split()[2:]) == {*act.VARS, *act.SECRETS}


def test_the_checkout_is_an_action_that_clones(tmp_path: Path) -> None:
    action = yaml.safe_load(act.checkout("/x/origin.git", tmp_path))
    (step,) = action["runs"]["steps"]
    assert step["env"]["URL"] == "/x/origin.git"
    assert step["env"]["REF"] == "${{ inputs.ref || github.sha }}"


def test_a_run_has_the_environment_of_a_persons_shell(here: Work, tmp_path: Path) -> None:
    own = str(Path(sys.executable).parent)
    outer = {"PATH": os.pathsep.join([own, "/bin"]), "LANG": "C", "MAKEFLAGS": "x", "GH_TOKEN": "x"}
    env = act.environment(outer | {"MLFLOW_TRACKING_URI": ""}, tmp_path, here)
    assert env["PATH"] == "/bin"
    assert env["LANG"] == "C"
    assert env["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert not {"MAKEFLAGS", "GH_TOKEN"} & set(env)


def test_without_act_nothing_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Refused, match="act: not there, and it runs the workflows; run `make setup"):
        act.program()
