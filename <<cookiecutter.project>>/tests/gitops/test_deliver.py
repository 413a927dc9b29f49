"""What a push sets in motion, and how often it is said."""

import pytest

from gitops.bundle import LOCK
from gitops.deliver import deliver
from gitops.hotfix import start
from gitops.promote import PREFIX
from gitops.release import Stale
from gitops.settings import Refused
from gitops.status import status
from tests.gitops.stories import FIX, Story
from tests.gitops.tiny import lock_of, params_of


def delivered(story: Story, branch: str, commit: str | None = None) -> list[str]:
    """Deliver a branch's tip, as its workflow does."""
    tip = commit or story.tip(branch)
    lines = list(deliver(story.context, branch, tip))
    story.repository.fetch()
    return lines


def merged(story: Story, base: str, how: str = "squash") -> list[str]:
    """Merge the newest request to a branch, and deliver."""
    story.merge(story.forge.pulls(base=base)[-1], how)
    return delivered(story, base)


class TestFirstRun:
    @pytest.mark.parametrize("branch", ["dev", "uat", "main"])
    def test_no_model_is_no_failure(self, story: Story, branch: str) -> None:
        [said] = delivered(story, branch)
        assert "no model yet, and that is no failure: on a branch run `make reproduce`" in said
        assert status(story.context).disagreements == []

    def test_a_branch_of_no_environment(self, story: Story) -> None:
        story.repository.git("push", "--quiet", "origin", "origin/dev:refs/heads/mine")
        assert delivered(story, "mine") == ["mine: no environment's branch; nothing to deliver"]


def test_the_whole_way_with_nothing_but_merges(story: Story) -> None:
    for rate, how in ((1, "merge"), (2, "squash"), (3, "rebase")):
        tree = story.repository.tree(story.trained(rate, **{f"pipeline/new{rate}.py": ""}))
        name = tree[:12]
        said = delivered(story, "dev")
        assert said[0] == f"release {name}"
        assert said[1] == f"dev: deployment {rate} is healthy at http://127.0.0.1:8101"
        assert f"uat: #{rate * 2 - 1} proposes {name}" in said[2]
        said = merged(story, "uat", how)
        assert f"prod: #{rate * 2} proposes {name}" in said[1]
        said = merged(story, "main", how)
        assert said == [f"prod: deployment {rate} is healthy at http://127.0.0.1:8103"]
        assert {story.serving(name) for name in story.context.environments} == {tree}
    assert status(story.context, prove=True).disagreements == []
    assert story.forge.pulls() == []
    assert len(story.journal.releases) == len(story.world.registry.tags) == 3


def test_again_says_the_same_and_does_nothing(story: Story) -> None:
    story.trained(1)
    first = delivered(story, "dev")
    refs = story.repository.git("ls-remote", "origin")
    assert delivered(story, "dev") == first
    assert story.repository.git("ls-remote", "origin") == refs
    assert len(story.forge.pulls()) == 1


def test_a_late_run_leaves_it_to_the_tips_own(settled: Story) -> None:
    late = settled.trained(2)
    settled.trained(3)
    said = delivered(settled, "dev", late)
    assert said[0].startswith("release ")
    assert "its own run delivers it; nothing is deployed here" in said[1]
    assert settled.journal.numbers["dev"] == 1


def test_a_push_past_the_rules_is_red(settled: Story) -> None:
    settled.commit("main", **{"notes.md": "x\n"})
    with pytest.raises(Refused, match=r"is no release, so nothing is deployed.* in notes\.md;"):
        delivered(settled, "main")


def test_the_registry_is_no_condition(settled: Story, capsys: pytest.CaptureFixture[str]) -> None:
    settled.trained(2)
    settled.world.registry.down.append("it is being moved")
    assert "dev: deployment 2 is healthy" in delivered(settled, "dev")[1]
    warned = capsys.readouterr().err.splitlines()
    assert [line.rpartition("; ")[2] for line in warned] == [
        "`make reconcile` registers it later",
        "`make reconcile` does it later",
    ]


def test_a_document_says_that_nothing_was_touched(settled: Story) -> None:
    settled.commit(**{"README.md": "other\n"})
    assert "(what serves is equal, and was left alone)" in delivered(settled, "dev")[1]


class TestStale:
    """Merged with a dvc.lock that is behind: it is brought up to date, as a pull request."""

    def test_a_request_brings_it_up_to_date(self, settled: Story) -> None:
        tip = settled.commit(**{"params.yaml": params_of(5)})
        with pytest.raises(Refused, match=r"train: .*\n#1 brings it up to date: /"):
            delivered(settled, "dev")
        [pull] = settled.forge.pulls(base="dev")
        settled.repository.fetch()
        assert settled.repository.differing(tip, pull.commit) == [LOCK]
        assert settled.repository.file(pull.commit, LOCK) == lock_of(5).encode()
        assert settled.journal.numbers["dev"] == 1
        said = merged(settled, "dev")
        assert "dev: deployment 2 is healthy" in said[1]

    @pytest.mark.usefixtures("trainer")
    def test_once(self, settled: Story) -> None:
        settled.commit(**{"params.yaml": params_of(5)})
        for _ in range(2):
            with pytest.raises(Refused, match="#1 brings it up to date"):
                delivered(settled, "dev")
        assert len(settled.forge.pulls()) == 1

    @pytest.mark.usefixtures("trainer")
    def test_of_a_hotfix(self, settled: Story) -> None:
        settled.hotfixed(2)
        settled.commit(FIX, **{"params.yaml": params_of(5)})
        with pytest.raises(Refused, match="#1 brings it up to date"):
            delivered(settled, FIX)
        [pull] = settled.forge.pulls()
        assert pull.base == FIX
        assert "#2 proposes it to uat" in merged(settled, FIX)[0]


class TestHotfix:
    def test_from_a_laptop_to_prod_and_back(self, settled: Story) -> None:
        settled.trained(2, **{"pipeline/two.py": ""})
        delivered(settled, "dev")  # waits for uat
        branch = start(settled.context, "late")
        settled.repository.git("push", "--quiet", "origin", branch)
        settled.trained(1, branch, **{"pipeline/features.py": "FEATURES = (1,)\n"})
        [said] = delivered(settled, branch)
        assert said.startswith(f"{branch}: released; #2 proposes it to uat: ")
        assert "prod: #3 proposes" in merged(settled, "uat")[-1]
        said = merged(settled, "main")[-1]
        assert "#4 brings the hotfix back to dev" in said
        fixed = settled.runs("prod")
        assert fixed.skipped == ("dev",)
        assert settled.serving("prod") == fixed.tree
        before = settled.tree("dev")
        said = merged(settled, "dev", "merge")[0]
        assert settled.repository.differing(before, settled.tree("dev")) == ["pipeline/features.py"]

    def test_the_queue_to_uat_is_overtaken(self, settled: Story) -> None:
        """What waited lacks the fix: promoting it now would take the fix back."""
        settled.trained(2)
        delivered(settled, "dev")
        waits = settled.forge.pulls(base="uat")[0]
        commit = settled.hotfixed(3)
        delivered(settled, FIX, commit)
        said = merged(settled, "uat")
        assert any(f"closed #{waits.number}: uat runs the newer" in line for line in said)

    def test_moved_on(self, settled: Story) -> None:
        late = settled.hotfixed(2)
        settled.trained(3, FIX)
        assert delivered(settled, FIX, late) == [f"{FIX} has moved on; its own run releases it"]
        assert settled.forge.pulls() == []


def test_killed_before_the_promotion_was_opened(
    settled: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command again ends where the first would have."""
    settled.trained(2)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(settled.forge), "open", die)
        with pytest.raises(KeyboardInterrupt):
            delivered(settled, "dev")
    settled.repository.fetch()
    assert settled.repository.tip(f"{PREFIX}uat/{settled.runs('dev').name}")
    said = delivered(settled, "dev")
    assert "uat: #1 proposes" in said[-1]
    assert settled.journal.numbers["dev"] == 2


def test_nothing_before_is_refused(story: Story) -> None:
    story.trained(1, "uat")
    with pytest.raises(Refused, match="nothing runs before it; merge to dev first"):
        delivered(story, "uat")


def test_a_stale_lock_is_no_crash_where_nothing_can_train(
    settled: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.commit(**{"params.yaml": params_of(5), "train.py": "raise SystemExit('no data')\n"})
    with pytest.raises(Refused, match="dvc repro failed") as told:
        delivered(settled, "dev")
    assert not isinstance(told.value, Stale)
    assert settled.forge.pulls() == []
