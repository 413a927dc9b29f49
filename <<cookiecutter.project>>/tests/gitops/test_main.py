"""The command line: what a person mistypes, what is refused, and what the commands tell."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gitops import forge
from gitops.__main__ import app, main
from gitops.forges import remote
from gitops.forges.local import Local
from gitops.forges.remote import of as forge_of_remote
from tests.gitops.repositories import commit
from tests.gitops.runs import runner_of
from tests.gitops.stories import Story
from tests.projects import ROOT, command, succeed

COMMANDS = {
    one.name or getattr(one.callback, "__name__", ""): one for one in app.registered_commands
}
ABOUT = '[project]\nname = "flights"\n'
MAKEFILE = "setup:\n\t@touch .venv/ready\n"
DELIVER = """
on: {push: {}, workflow_dispatch: {}}
jobs:
  deliver:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd
      - run: test ! -e broken
"""


class Told(NamedTuple):
    code: int
    out: str
    err: str


Call = Callable[..., Told]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """A command as a shell sees it."""

    def run(*words: str) -> Told:
        monkeypatch.setattr(sys, "argv", ["gitops", *words])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        code: Any = end.value.code
        return Told(1, out, f"{err}{code}\n") if isinstance(code, str) else Told(code, out, err)

    return run


@pytest.fixture
def project(settled: Story, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A release runs everywhere, and the clone is the working directory."""
    path = settled.repository.path
    (path / ".git/info").mkdir(exist_ok=True)
    (path / ".git/info/exclude").write_text("/pyproject.toml\n")
    (path / "pyproject.toml").write_text(ABOUT)
    monkeypatch.chdir(path)
    return settled


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_does(call: Call, name: str) -> None:
    told = call(name, "--help")
    assert (told.code, told.err) == (0, "")
    summary = (COMMANDS[name].callback.__doc__ or "").partition(":")[0]
    assert summary
    assert " ".join(summary.split()[:4]) in " ".join(told.out.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("nonsense", "No such command"),
        ("stop --bad", "No such option"),
        ("promote", "Missing option"),
        ("promote --env", "requires an argument"),
        ("hotfix", "Missing argument"),
        ("proof --pull x", "Invalid value"),
        ("experiment --pull 0", "Invalid value"),
        ("merge --pull -1", "Invalid value"),
        ("retrain --month 0", "Invalid value"),
        ("retrain --month march", "Invalid value"),
        ("rehearse --every 0", "Invalid value"),
        ("vouch --commit HEAD --checks {]", "Invalid value"),
        ("vouch --commit HEAD --checks []", "Invalid value"),
    ],
)
def test_what_is_mistyped_is_explained(call: Call, words: str, why: str) -> None:
    told = call(*words.split())
    assert (told.code, told.out) == (2, "")
    assert " Error " in told.err
    assert why in told.err


def test_alone_it_lists_its_commands(call: Call) -> None:
    told = call()
    assert told.code == 2
    assert all(f" {name} " in told.out + told.err for name in COMMANDS)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("promote --env nowhere", "'nowhere': no such environment; there are dev, uat, prod"),
        ("rollback --env nowhere --to a", "'nowhere': no such environment; there are dev, uat"),
        ("deploy --env nowhere", "'nowhere': no such environment; there are dev, uat, prod"),
        ("stop --env nowhere", "'nowhere': no such environment; there are dev, uat, prod"),
        ("promote --env dev", "dev: nothing comes before it"),
        ("promote --env uat --release 000000", "'000000': no such release"),
        ("rollback --env prod --to 000000", "'000000': no such release"),
        ("deploy --env dev --commit 000000", "'000000': no such commit here"),
        ("deliver --branch dev --commit 000000", "'000000': no such commit here"),
        ("proof --pull 99", "#99: no such pull request; `make pulls` lists the open ones"),
        ("experiment --pull 99", "#99: no such pull request; `make pulls` lists the open ones"),
        ("merge --pull 99", "#99: no such pull request; `make pulls` lists the open ones"),
        ("retrain --month 11", "month 11 is in the data already"),
    ],
)
def test_what_is_refused_is_one_line(project: Story, call: Call, words: str, why: str) -> None:
    told = call(*words.split())
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert why in told.err


def test_a_commit_may_be_abbreviated(project: Story, call: Call) -> None:
    tip = project.commit("uat", **{"notes.md": "x\n"})
    told = call("deliver", "--branch", "uat", "--commit", tip[:10])
    assert told.code == 1
    assert "is no release, so nothing is deployed" in told.err


@pytest.mark.parametrize(("words", "code"), [("nonsense", 2), ("releases", 1)])
def test_no_traceback_reaches_a_person(tmp_path: Path, words: str, code: int) -> None:
    succeed("git", "init", "--quiet", cwd=tmp_path)
    (tmp_path / "gitops").symlink_to(ROOT / "gitops")
    done = command(sys.executable, "-m", "gitops", words, cwd=tmp_path)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_releases_and_requests_are_listed(project: Story, call: Call) -> None:
    release = project.through(2, "dev")
    pull = project.propose("uat")
    told = call("releases")
    assert told.code == 0
    assert release.name in told.out
    told = call("pulls")
    assert told.code == 0
    assert f"#{pull.number}" in told.out


def test_retraining_is_proposed(project: Story, call: Call) -> None:
    told = call("retrain", "--month", "12")
    [pull] = project.forge.pulls()
    assert told.code == 0
    assert told.out.splitlines()[-1] == f"#1: {pull.url}"
    assert pull.head == "retrain/12"


def test_one_environment_is_stopped_or_all(project: Story, call: Call) -> None:
    switched = {name: project.context.home / "environments" / name for name in ("dev", "uat")}
    for folder in switched.values():
        folder.mkdir(parents=True)
        (folder / "current").write_text("1\n")
    told = call("stop", "--env", "dev")
    assert (told.code, told.out) == (0, "dev: stopped\n")
    assert [(folder / "current").exists() for folder in switched.values()] == [False, True]
    told = call("stop")
    assert told.out == "dev: stopped\nuat: stopped\nprod: stopped\n"
    assert not (switched["uat"] / "current").exists()


def test_what_ended_is_vouched_for(
    project: Story, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_LOG", "/runs/1.log")
    results = {
        "check": "skipped",
        "experiment": "failure",
        "proof": "success",
        "other": "cancelled",
    }
    needs = {name: {"result": result, "outputs": {}} for name, result in results.items()}
    tip = project.tip("dev")
    told = call("vouch", "--checks", json.dumps(needs), "--commit", tip)
    assert told.code == 0
    assert told.out.splitlines() == [f"{tip[:12]}: {name}: {it}" for name, it in results.items()]
    folder = project.context.home / "statuses" / tip
    vouched = {path.name: path.read_text() for path in folder.iterdir()}
    passed = {"check": "success", "experiment": "failure", "proof": "success"}
    assert vouched == {name: f"{one} file:///runs/1.log\n" for name, one in passed.items()}


class TestMerge:
    @pytest.fixture
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Local:
        """An open request, in a forge whose deliveries only look at a file."""
        files = {
            "Makefile": MAKEFILE,
            "pyproject.toml": ABOUT,
            ".gitignore": ".venv\n",
            "requirements/uv.txt": "",
            "requirements/dev.txt": "",
            ".github/workflows/deliver.yml": DELIVER,
        }
        repository = runner_of(tmp_path, files, monkeypatch).forge.repository
        monkeypatch.chdir(repository.path)
        for name in ("try", "bad"):
            succeed("git", "push", "--quiet", "origin", f"dev:{name}", cwd=repository.path)
        commit(repository, "bad", broken="x\n")
        commit(repository, "try", **{"notes.md": "x\n"})
        here = forge_of_remote(repository)
        assert isinstance(here, Local)
        here.open("try", "dev", "Try", "")
        return here

    def test_runs_what_it_sets_in_motion(self, here: Local, call: Call) -> None:
        told = call("merge", "--pull", "1", "--how", "rebase")
        assert (told.code, told.err) == (0, "")
        assert told.out == f"deliver.yml: green, see {here.folder.parent}/runs/1-deliver.log\n"
        assert here.pull(1).state == "merged"

    def test_one_killed_before_its_workflows_is_finished(self, here: Local, call: Call) -> None:
        made = here.merge(1, "squash")
        here.dispatch("deliver.yml", "try", {})
        told = call("merge", "--pull", "1")
        assert told.code == 0
        assert [line.partition(",")[0] for line in told.out.splitlines()] == [
            "deliver.yml: green"
        ] * 2
        assert here.tips()["dev"] == made
        assert list(here.queue.iterdir()) == []

    def test_a_red_workflow_is_told(self, here: Local, call: Call) -> None:
        here.open("bad", "dev", "Bad", "")
        told = call("merge", "--pull", "2")
        assert told.code == 1
        assert told.out.startswith("deliver.yml: red, see ")

    def test_an_unknown_way_is_refused(self, here: Local, call: Call) -> None:
        told = call("merge", "--pull", "1", "--how", "octopus")
        assert (told.code, told.out) == (1, "")
        assert told.err.startswith("error: 'octopus': no way to merge; there are merge, squash")
        assert here.pull(1).state == "open"

    def test_on_github_a_person_merges(
        self, here: Local, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Page:
            def pull(self, number: int) -> forge.Pull:
                return here.pull(number)

        monkeypatch.setattr(remote, "of", lambda _: Page())
        told = call("merge", "--pull", "1")
        assert told.err == f"error: #1: merge it on its page: {here.pull(1).url}\n"
