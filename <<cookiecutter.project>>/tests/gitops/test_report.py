"""What a reviewer reads in a promotion: made by the tree that is proposed."""

import shutil
from pathlib import Path

import pytest

from gitops import report
from tests.gitops.founding import real
from tests.gitops.stories import Story


class TestPromotion:
    def test_against_what_runs_there(self, settled: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        before, release = settled.runs("uat"), settled.through(2, "dev")
        asked: list[str | None] = []

        def review(context: object, commit: str, base: str | None) -> str:
            asked.extend([commit, base and settled.repository.tree(base)])
            return "The review."

        monkeypatch.setattr(report, "review", review)
        pull = settled.propose("uat")
        assert asked == [pull.commit, before.tree]
        assert pull.body.startswith(f"Brings release `{release.name}` to uat, exactly: ")
        assert f"uat runs `{before.name}`." in pull.body
        assert f"Model `{release.model.sha256[:12]}`" in pull.body
        assert pull.body.endswith("\n\nThe review.")

    def test_the_first_of_an_environment(self, story: Story) -> None:
        story.through(1, "dev")
        assert "uat runs nothing yet.\n\nThe review." in story.propose("uat").body

    def test_the_same_model_needs_no_review(self, settled: Story) -> None:
        settled.released(1, **{"README.md": "other\n"})
        settled.deploy("dev")
        body = settled.propose("uat").body
        assert "It is the model that runs there: nothing to compare." in body
        assert "The review." not in body

    def test_a_hotfix_says_whom_it_passes(self, settled: Story) -> None:
        release = settled.recorded(settled.hotfixed(2), 2, skipped=("dev",), by="ada")
        assert "A hotfix by ada: it passes dev by." in settled.propose("uat", release.name).body


class TestReview:
    """By the template's own pipeline, in a checkout that is gone afterwards."""

    @pytest.fixture
    def story(self, pipeline_run: Path, tmp_path: Path) -> Story:
        return real(pipeline_run, tmp_path)

    def test_a_verdict_on_the_base(self, story: Story) -> None:
        tip = story.tip("dev")
        said = report.review(story.context, tip, f"{tip}~")
        assert "No review" not in said
        assert f"**No different** from {tip}~: roc_auc" in said.replace("\\", "")
        worktrees = story.repository.git("worktree", "list", "--porcelain")
        assert worktrees.count("worktree ") == 1

    def test_a_store_that_lacks_its_outputs(self, story: Story) -> None:
        """The promotion is opened all the same, and says what is missing."""
        shutil.rmtree(story.repository.path.with_name("store"))
        said = report.review(story.context, story.tip("dev"), None)
        assert said.startswith("No review: the data store lacks its outputs: ")


class TestWritten:
    """Whatever the review is, its words and its exit code are taken from it."""

    def reviewing(self, folder: Path, code: str) -> tuple[str, str]:
        (folder / "review.py").write_text(code)
        (folder / "reports").mkdir()
        return report.written(folder, "origin/dev", "origin/main")

    def test_green(self, tmp_path: Path) -> None:
        code = (
            "import sys, pathlib\npathlib.Path('reports/review.md').write_text(str(sys.argv[1:]))"
        )
        said, red = self.reviewing(tmp_path, code)
        assert said == "['--base', 'origin/dev', '--prod', 'origin/main']"
        assert red == ""

    def test_red(self, tmp_path: Path) -> None:
        code = (
            "import sys, pathlib\npathlib.Path('reports/review.md').write_text('Worse.')\n"
            "sys.exit('roc_auc is below 0.61')"
        )
        assert self.reviewing(tmp_path, code) == ("Worse.", "roc_auc is below 0.61")

    def test_nothing_written(self, tmp_path: Path) -> None:
        said, red = self.reviewing(tmp_path, "import sys\nsys.exit('no such ref')")
        assert (said, red) == ("No review: no such ref", "no such ref")

    def test_a_page_of_an_earlier_run_does_not_count(self, tmp_path: Path) -> None:
        (tmp_path / "reports").mkdir()
        (tmp_path / "reports/review.md").write_text("Old.")
        (tmp_path / "review.py").write_text("")
        said, _ = report.written(tmp_path, None, None)
        assert said == "No review: it ended without a word"

    def test_too_long(self, tmp_path: Path) -> None:
        """The forge takes 65,536 characters, and a promotion's own words come before."""
        code = "import pathlib\npathlib.Path('reports/review.md').write_text('é' * 50000)"
        said, _ = self.reviewing(tmp_path, code)
        assert len(said.encode()) < report.LIMIT + 100
        assert said.endswith("é\n\n… cut; `make report` has all.")
