"""The workflow files of this project, run as they stand: which command each event leads to.

The commands are told by programs that stand in the place of the environment's own.
"""

import hashlib
import json
import re
from pathlib import Path

import pytest

from gitops.forges.runner import LOCKS, Run, Runner
from tests.gitops.repositories import commit
from tests.gitops.runs import runner_of, said
from tests.projects import ROOT, succeed

COPIED = ("Makefile", ".gitignore", *LOCKS)
# What the shell gives in several lines is said in one.
TOLD = """#!/bin/sh
echo $(basename "$0") "$*" "${AWS_ACCESS_KEY_ID-no key}" | tr '\\n' ' '
echo
case "$*" in *$FAILS*) exit 1;; esac
"""
END = " no key"  # a secret that is not set is no empty text


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("FAILS", "none of them")
    folders = sorted((ROOT / ".github/workflows").iterdir())
    names = (*COPIED, *(path.relative_to(ROOT).as_posix() for path in folders))
    found = runner_of(tmp_path, {name: (ROOT / name).read_text() for name in names}, monkeypatch)
    locks = b"".join((ROOT / name).read_bytes() for name in LOCKS)
    name = hashlib.sha256(locks).hexdigest()[:16]
    programs = found.home / "venvs" / name / "bin"
    programs.mkdir(parents=True)
    for program in ("python", "pre-commit", "pytest"):
        (programs / program).write_text(TOLD)
        (programs / program).chmod(0o755)
    (programs.parent / f"ready-{name}").touch()
    return found


CHECKS = ["pre-commit run --all-files" + END, "pytest " + END]
PASSED = {"check": "success", "experiment": "success", "proof": "success"}


def gitops(words: str) -> str:
    return f"python -m gitops {words}{END}"


def branch(runner: Runner, name: str) -> str:
    succeed("git", "push", "origin", f"dev:refs/heads/{name}", cwd=runner.forge.repository.path)
    return commit(runner.forge.repository, name, **{f"{name}.txt": "new"})


def told(run: Run) -> list[str]:
    """The commands that were run, whose jobs stand in no order."""
    assert run.code == 0, run.log.read_text()
    return sorted(line for line in commands(run) if " vouch " not in line)


def commands(run: Run) -> list[str]:
    programs = ("python ", "pre-commit ", "pytest ")
    return [line.strip() for line in said(run) if line.startswith(programs)]


def vouched(run: Run) -> tuple[dict[str, str], str] | None:
    """The results that were told last of all, and of which commit; None where none were."""
    if " vouch " not in (last := commands(run)[-1]):
        return None
    found = re.fullmatch(rf"python -m gitops vouch --checks (.+) --commit (\w+){END}", last)
    assert found, last
    return {name: job["result"] for name, job in json.loads(found[1]).items()}, found[2]


@pytest.mark.parametrize("name", ["dev", "uat", "main"])
def test_a_push_to_an_environments_branch_is_delivered(runner: Runner, name: str) -> None:
    path = runner.forge.repository.path
    succeed("git", "push", "origin", f"dev:refs/heads/{name}", cwd=path)
    tip = runner.forge.tips()[name]
    assert told(runner.pushed(name)) == [gitops(f"deliver --branch {name} --commit {tip}")]


def test_an_environment_is_a_file_and_a_branch(runner: Runner) -> None:
    text = (ROOT / "environments/uat.toml").read_text().replace('"uat"', '"canary"')
    tip = commit(runner.forge.repository, "dev", **{"environments/canary.toml": text})
    succeed("git", "push", "origin", "dev:canary", cwd=runner.forge.repository.path)
    assert told(runner.pushed("canary")) == [gitops(f"deliver --branch canary --commit {tip}")]


def test_a_hotfix_is_delivered_once(runner: Runner) -> None:
    tip = branch(runner, "hotfix/fix")
    expected = [gitops(f"deliver --branch hotfix/fix --commit {tip}")]
    assert told(runner.pushed("hotfix/fix")) == expected


def test_a_push_to_another_branch_delivers_nothing(runner: Runner) -> None:
    branch(runner, "try")
    assert told(runner.pushed("try")) == []


def test_a_pull_request_is_checked_trained_and_proven(runner: Runner) -> None:
    branch(runner, "try")
    runner.forge.open("try", "dev", "Try", "")
    expected = [*CHECKS, gitops("experiment --pull 1"), gitops("proof --pull 1")]
    run = runner.opened(1)
    assert told(run) == expected
    assert vouched(run) is None


def test_a_promotion_is_proven_alone(runner: Runner) -> None:
    branch(runner, "promote/uat/abc")
    runner.forge.open("promote/uat/abc", "uat", "Promote", "")
    assert told(runner.opened(1)) == [gitops("proof --pull 1")]


def test_a_forks_branch_is_checked_whatever_its_name(runner: Runner) -> None:
    tip = branch(runner, "try")
    head = {"ref": "promote/uat/abc", "sha": tip, "repo": {"full_name": "o/n", "fork": True}}
    asked = {"number": 1, "pull_request": {"number": 1, "head": head, "base": {"ref": "dev"}}}
    run = runner.run("pull_request", "pull-request.yml", tip, asked)
    assert told(run) == [*CHECKS, gitops("experiment --pull 1"), gitops("proof --pull 1")]


@pytest.mark.parametrize(
    ("name", "expected", "results"),
    [
        ("try", [*CHECKS, gitops("experiment --pull 7"), gitops("proof --pull 7")], {}),
        (
            "promote/uat/abc",
            [gitops("proof --pull 7")],
            {"check": "skipped", "experiment": "skipped"},
        ),
    ],
)
def test_a_request_opened_by_a_workflow_is_dispatched_and_vouched_for(
    runner: Runner, name: str, expected: list[str], results: dict[str, str]
) -> None:
    tip = branch(runner, name)
    runner.forge.dispatch("pull-request.yml", name, {"pull": "7"})
    [run] = runner.drain()
    assert told(run) == expected
    assert vouched(run) == (PASSED | results, tip)


def test_what_failed_is_told_too(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS", "gitops experiment")
    tip = branch(runner, "try")
    runner.forge.dispatch("pull-request.yml", "try", {"pull": "7"})
    [run] = runner.drain()
    assert run.code != 0
    assert vouched(run) == (PASSED | {"experiment": "failure"}, tip)


@pytest.mark.parametrize(
    ("workflow", "inputs", "expected"),
    [
        ("reconcile.yml", {}, "reconcile"),
        ("retrain.yml", {"month": "3"}, "retrain --month 3"),
    ],
)
def test_the_others_are_dispatched_by_hand(
    runner: Runner, workflow: str, inputs: dict[str, str], expected: str
) -> None:
    runner.forge.dispatch(workflow, "dev", inputs)
    assert [told(run) for run in runner.drain()] == [[gitops(expected)]]


def test_a_delivery_is_repeated_by_hand(runner: Runner) -> None:
    tip = runner.forge.tips()["dev"]
    runner.forge.dispatch("deliver.yml", "dev", {})
    assert [told(run) for run in runner.drain()] == [
        [gitops(f"deliver --branch dev --commit {tip}")]
    ]


def test_a_secret_that_is_set_is_passed(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the store")
    runner.forge.dispatch("reconcile.yml", "dev", {})
    assert [told(run) for run in runner.drain()] == [["python -m gitops reconcile ***"]]
