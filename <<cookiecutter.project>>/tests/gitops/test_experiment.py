"""The experiment of a pull request: what is trained, committed, and said where."""

import dataclasses
from pathlib import Path

import pytest

from gitops import change
from gitops.bundle import LOCK, MODEL
from gitops.context import Context
from gitops.deploy import Superseded
from gitops.experiment import compared, experiment
from gitops.forge import Pull
from gitops.settings import Refused
from tests.gitops.stories import Story
from tests.gitops.tiny import lock_of, outputs_of, params_of


@pytest.fixture
def summary(settled: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run's summary; the review itself is made in test_report.py."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    monkeypatch.setattr("gitops.report.written", lambda *_: ("The report.", ""))
    return path


@pytest.fixture
def pull(settled: Story, summary: Path) -> Pull:
    """Parameters were changed, and nothing was trained."""
    settled.repository.git("push", "--quiet", "origin", "origin/dev:refs/heads/mine")
    settled.commit("mine", **{"params.yaml": params_of(6)})
    return settled.forge.open("mine", "dev", "Learn faster", "")


def comments(story: Story, pull: Pull) -> list[str]:
    folder = story.forge.folder / str(pull.number) / "comments"
    return [path.read_text() for path in folder.iterdir()] if folder.exists() else []


def waiting(story: Story) -> list[Path]:
    return sorted(story.forge.queue.iterdir()) if story.forge.queue.exists() else []


class TestSameRepository:
    def test_the_lock_is_committed_and_its_run_dispatched(
        self, settled: Story, pull: Pull, summary: Path
    ) -> None:
        said = experiment(settled.context, pull)
        tip = settled.tip("mine")
        assert said == f"#1: trained; {LOCK} committed as {tip[:12]}, whose own run reports"
        assert settled.repository.differing(pull.commit, tip) == [LOCK]
        assert settled.repository.file(tip, LOCK) == lock_of(6).encode()
        assert settled.stored(outputs_of(6)[MODEL])[1].is_file()
        [dispatched] = waiting(settled)
        assert '"ref": "mine"' in dispatched.read_text()
        assert '"pull": "1"' in dispatched.read_text()
        assert comments(settled, pull) == []
        assert not summary.exists()

    @pytest.mark.usefixtures("trainer")
    def test_that_run_reports(self, settled: Story, pull: Pull, summary: Path) -> None:
        experiment(settled.context, pull)
        settled.repository.fetch()
        said = experiment(settled.context, settled.forge.pull(pull.number))
        assert said == f"#1: trained and reviewed; {LOCK} is up to date"
        assert comments(settled, pull) == ["The report."]
        assert summary.read_text() == "The report.\n"
        assert len(waiting(settled)) == 1

    @pytest.mark.usefixtures("trainer")
    def test_once_for_every_commit_one_comment(self, settled: Story, pull: Pull) -> None:
        for rate in (6, 7):
            settled.trained(rate, "mine")
            experiment(settled.context, settled.forge.pull(pull.number))
        assert comments(settled, pull) == ["The report."]

    @pytest.mark.usefixtures("trainer")
    def test_the_branch_has_moved_on(
        self, settled: Story, pull: Pull, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While it was trained, somebody pushed: their own run trains that."""
        train = change.train

        def slow(context: Context, folder: Path, tree: str, *, push: bool) -> str:
            settled.commit("mine", **{"notes.md": "x\n"})
            return train(context, folder, tree, push=push)

        monkeypatch.setattr(change, "train", slow)
        with pytest.raises(Superseded, match="mine has moved on"):
            experiment(settled.context, pull)
        assert settled.repository.file(settled.tip("mine"), "notes.md") == b"x\n"
        assert settled.repository.file(settled.tip("mine"), LOCK) == lock_of(1).encode()
        assert waiting(settled) == []


class TestFork:
    """It has no secrets, and may push nowhere: the report is the run's summary."""

    @pytest.fixture
    def fork(self, pull: Pull) -> Pull:
        return dataclasses.replace(pull, fork=True, head="dev")

    def test_nothing_is_pushed(self, settled: Story, fork: Pull, summary: Path) -> None:
        refs = settled.repository.git("ls-remote", "origin")
        with pytest.raises(Refused, match=f"#1: {LOCK} is behind; run `make reproduce`"):
            experiment(settled.context, fork)
        assert settled.repository.git("ls-remote", "origin") == refs
        assert not settled.stored(outputs_of(6)[MODEL])[1].exists()
        assert waiting(settled) == []
        assert comments(settled, fork) == []

    @pytest.mark.usefixtures("trainer")
    def test_the_summary_has_the_report(self, settled: Story, fork: Pull, summary: Path) -> None:
        with pytest.raises(Refused):
            experiment(settled.context, fork)
        assert summary.read_text().startswith(f"**{LOCK} is behind**: run `make reproduce`")
        assert "The report." in summary.read_text()

    @pytest.mark.usefixtures("trainer")
    def test_up_to_date(self, settled: Story, fork: Pull, summary: Path) -> None:
        commit = settled.trained(6, "mine")
        up_to_date = dataclasses.replace(fork, commit=commit)
        assert "trained and reviewed" in experiment(settled.context, up_to_date)
        assert summary.read_text() == "The report.\n"
        assert comments(settled, fork) == []


@pytest.mark.usefixtures("trainer")
def test_an_environments_branch_gets_no_commit(settled: Story, pull: Pull, summary: Path) -> None:
    refs = settled.repository.git("ls-remote", "origin")
    with pytest.raises(Refused, match=f"#1: {LOCK} is behind; run `make reproduce`"):
        experiment(settled.context, dataclasses.replace(pull, head="uat"))
    assert settled.repository.git("ls-remote", "origin") == refs
    assert waiting(settled) == []


@pytest.mark.usefixtures("trainer")
def test_a_gate_that_fails_is_red_and_says_so_where_people_read(
    settled: Story, pull: Pull, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.trained(6, "mine")
    monkeypatch.setattr("gitops.report.written", lambda *_: ("Worse.", "roc_auc is below 0.61"))
    with pytest.raises(Refused, match="#1: roc_auc is below"):
        experiment(settled.context, settled.forge.pull(pull.number))
    assert comments(settled, pull) == ["Worse."]
    assert summary.read_text() == "Worse.\n"


class TestComparedWith:
    def compared(self, story: Story, base: str) -> list[str | None]:
        """Their trees: a ref stands for what it names."""
        story.repository.git("push", "--quiet", "origin", f"origin/{base}:refs/heads/other")
        story.commit("other", **{"notes.md": "x\n"})
        refs = compared(story.context, story.forge.open("other", base, "x", ""))
        return [ref and story.repository.tree(ref) for ref in refs]

    def test_before_the_first_model(self, story: Story) -> None:
        assert self.compared(story, "dev") == [None, None]

    def test_base_and_prod(self, settled: Story) -> None:
        prod = settled.runs("prod").tree
        settled.trained(2)
        assert self.compared(settled, "dev") == [settled.tree("dev"), prod]

    def test_prod_has_the_same_model(self, settled: Story) -> None:
        assert self.compared(settled, "dev") == [settled.tree("dev"), None]
