"""A hotfix reaches PROD without what waits in dev, says so, and comes back to dev."""

import pytest

from gitops import hotfix
from gitops.forge import Pull
from gitops.hotfix import PREFIX, back, start
from gitops.records import Release
from gitops.release import Stale
from gitops.settings import Refused
from tests.gitops.stories import FIX, Story, merged_by_hand
from tests.gitops.tiny import params_of

FEATURES = {"pipeline/features.py": "FEATURES = (1,)\n"}


def released(story: Story, commit: str) -> list[Pull]:
    found = hotfix.release(story.context, FIX, commit)
    story.repository.fetch()
    return found


class TestStart:
    def test_from_what_prod_runs(self, settled: Story) -> None:
        settled.through(2, "uat")
        assert start(settled.context, "late") == f"{PREFIX}late"
        git = settled.repository.git
        assert git("symbolic-ref", "HEAD").strip() == f"refs/heads/{PREFIX}late"
        assert settled.repository.tree("HEAD") == settled.runs("prod").tree

    def test_not_from_what_was_pushed_past_the_rules(self, settled: Story) -> None:
        settled.commit("main", **FEATURES)
        start(settled.context, "late")
        assert settled.repository.tree("HEAD") == settled.runs("prod").tree

    def test_nothing_runs_yet(self, story: Story) -> None:
        with pytest.raises(Refused, match="prod runs nothing yet"):
            start(story.context, "late")

    def test_over_changes(self, settled: Story) -> None:
        (settled.repository.path / "README.md").write_text("mine\n")
        with pytest.raises(Refused, match="holds changes: commit or stash them first"):
            start(settled.context, "late")
        assert (settled.repository.path / "README.md").read_text() == "mine\n"

    def test_a_touched_file_is_no_change(self, settled: Story) -> None:
        (settled.repository.path / "README.md").touch()
        assert start(settled.context, "late")

    @pytest.mark.parametrize("name", ["", "..", "a b", "x.lock"])
    def test_no_name_for_a_branch(self, settled: Story, name: str) -> None:
        with pytest.raises(Refused):
            start(settled.context, name)

    def test_a_name_that_is_taken(self, settled: Story) -> None:
        start(settled.context, "late")
        with pytest.raises(Refused, match="already exists"):
            start(settled.context, "late")


class TestRelease:
    def test_past_what_waits_in_dev(self, settled: Story) -> None:
        """Dev holds something newer, and none of it goes along."""
        waits = settled.through(2, "uat", **{"pipeline/two.py": ""})
        commit = settled.hotfixed(1, **FEATURES)
        [pull] = released(settled, commit)
        made = settled.journal.release(settled.repository.tree(commit))
        assert (made.skipped, made.by) == (("dev",), "Test")
        assert pull.base == "uat"
        assert f"A hotfix by {made.by}: it passes dev by." in pull.body
        settled.merge(pull)
        settled.deploy("uat")
        settled.promoted("prod")
        assert settled.tree("main") == made.tree
        assert settled.serving("prod") == made.tree
        assert settled.repository.file(made.tree, "pipeline/two.py") is None
        assert settled.serving("dev") == waits.tree

    def test_prod_demands_uat_all_the_same(self, settled: Story) -> None:
        commit = settled.hotfixed(2)
        released(settled, commit)
        made = settled.journal.release(settled.repository.tree(commit))
        with pytest.raises(Refused, match="never healthy in uat"):
            settled.propose("prod", made.name)

    def test_what_does_not_descend_from_prod(self, settled: Story) -> None:
        settled.through(2)
        tip = settled.tip("dev")
        settled.repository.git("push", "--quiet", "origin", f"{tip}:refs/heads/{FIX}")
        commit = settled.trained(3, FIX)
        with pytest.raises(Refused, match="does not descend from what prod runs"):
            released(settled, commit)
        assert settled.repository.tree(commit) not in settled.journal.releases

    def test_begun_before_prod_moved_on(self, settled: Story) -> None:
        commit = settled.hotfixed(2)
        settled.through(3)
        with pytest.raises(Refused, match="rebase it on main"):
            released(settled, commit)

    def test_pushed_before_anything_was_changed(self, settled: Story) -> None:
        """Else it would propose to take uat back to what prod runs."""
        settled.through(2, "uat")
        main = settled.tip("main")
        settled.repository.git("push", "--quiet", "origin", f"{main}:refs/heads/{FIX}")
        assert released(settled, main) == []
        assert settled.forge.pulls() == []

    def test_run_again(self, settled: Story) -> None:
        commit = settled.hotfixed(2)
        [pull] = released(settled, commit)
        assert released(settled, commit) == [pull]
        settled.merge(pull)
        settled.deploy("uat")
        assert released(settled, commit) == []
        settled.promoted("prod")
        assert released(settled, commit) == []
        assert settled.forge.pulls() == []

    def test_run_again_when_uat_has_moved_on(self, settled: Story) -> None:
        """It was there, and something newer is now."""
        commit = settled.hotfixed(2)
        settled.ran(commit, 2, settled.tips(["uat"], commit), skipped=("dev",))
        settled.through(3, "uat")
        assert released(settled, commit) == []
        assert settled.forge.pulls() == []

    def test_what_is_a_release_of_dev_goes_its_way(self, settled: Story) -> None:
        """Its record is written, and skips nothing."""
        release = settled.released(2)
        with pytest.raises(Refused, match="never healthy in dev; it must run there first, by a me"):
            released(settled, settled.hotfixed(2))
        assert settled.forge.pulls() == []
        assert settled.journal.releases[release.tree].skipped == ()

    def test_not_trained(self, settled: Story) -> None:
        settled.hotfixed(2)
        commit = settled.commit(FIX, **{"params.yaml": params_of(5)})
        with pytest.raises(Stale, match="train: "):
            released(settled, commit)


class TestBack:
    """The request brings the hotfix's change to dev, and nothing but it."""

    def arrived(self, story: Story, rate: int = 1, **files: str) -> Release:
        """A hotfix that has gone its whole way to PROD, as in test_deliver.py."""
        commit = story.hotfixed(rate, **files)
        tips = story.tips(["uat", "prod"], commit)
        return story.ran(commit, rate, tips, skipped=("dev",))

    def request(self, story: Story, release: Release) -> Pull:
        pull = back(story.context, release)
        assert pull
        assert (pull.head, pull.base) == (f"back/{release.name}", "dev")
        story.repository.fetch()
        return pull

    @pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
    def test_dev_as_it_was(self, settled: Story, how: str) -> None:
        fix = self.arrived(settled, 1, **FEATURES)
        before = settled.tree("dev")
        merged_by_hand(settled, self.request(settled, fix), how)
        assert settled.repository.differing(before, settled.tree("dev")) == list(FEATURES)
        assert settled.tree("dev") == fix.tree

    @pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
    def test_dev_moved_on(self, settled: Story, how: str) -> None:
        settled.through(2, "uat", **{"pipeline/two.py": ""})
        settled.released(3, **{"pipeline/three.py": ""})
        fix = self.arrived(settled, 1, **FEATURES)
        before = settled.tree("dev")
        merged_by_hand(settled, self.request(settled, fix), how)
        assert settled.repository.differing(before, settled.tree("dev")) == list(FEATURES)

    def test_after_a_promotion_by_merge_commit(self, settled: Story) -> None:
        """PROD's branch has two histories then; none of them is dev's."""
        settled.through(2, "uat")
        settled.promoted("prod", how="merge")
        fix = self.arrived(settled, 2, **FEATURES)
        settled.commit(**{"notes.md": "x\n"})
        before = settled.tree("dev")
        settled.merge(self.request(settled, fix))
        assert settled.repository.differing(before, settled.tree("dev")) == list(FEATURES)

    def test_a_second_on_the_first(self, settled: Story) -> None:
        """The first has not come back yet: the second brings both, and nothing that dev left."""
        settled.through(2)
        settled.through(3, "dev")
        self.arrived(settled, 2, **FEATURES)
        fix = self.arrived(settled, 2, **{"pipeline/more.py": ""})
        before = settled.tree("dev")
        settled.merge(self.request(settled, fix))
        assert settled.repository.differing(before, settled.tree("dev")) == [
            "pipeline/features.py",
            "pipeline/more.py",
        ]

    def test_once(self, settled: Story) -> None:
        fix = self.arrived(settled, 1, **FEATURES)
        pull = self.request(settled, fix)
        assert back(settled.context, fix) == pull

    def test_killed_before_it_was_opened(
        self, settled: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fix = self.arrived(settled, 1, **FEATURES)

        def die(*_: object) -> Pull:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(type(settled.forge), "open", die)
            with pytest.raises(KeyboardInterrupt):
                back(settled.context, fix)
        settled.repository.fetch()
        self.request(settled, fix)

    @pytest.mark.parametrize("how", ["merge", "squash"])
    def test_not_again_when_it_has_arrived(self, settled: Story, how: str) -> None:
        fix = self.arrived(settled, 1, **FEATURES)
        merged_by_hand(settled, self.request(settled, fix), how)
        settled.commit(**{"notes.md": "x\n"})
        assert back(settled.context, fix) is None

    def test_not_at_all_where_dev_has_it(self, settled: Story) -> None:
        settled.released(1, **(FEATURES | {"notes.md": "x\n"}))
        fix = self.arrived(settled, 1, **FEATURES)
        assert back(settled.context, fix) is None

    def test_where_both_were_trained_dev_makes_the_lock_anew(self, settled: Story) -> None:
        """The request is opened, and says what to do about the conflict."""
        settled.released(2)
        fix = self.arrived(settled, 3)
        pull = self.request(settled, fix)
        assert "Where dvc.lock conflicts, take either side" in pull.body
