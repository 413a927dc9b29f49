"""What git says is brought about; a second run finds nothing to do."""

import pytest

from gitops import bundle
from gitops.bundle import MODEL
from gitops.reconcile import reconcile
from gitops.settings import Refused
from gitops.status import status
from gitops.target import Running
from tests.gitops.repositories import add_intent, json_of
from tests.gitops.stories import Story
from tests.gitops.tiny import outputs_of


def reconciled(story: Story) -> list[str]:
    story.repository.fetch()
    return list(reconcile(story.context))


def mends(story: Story, *said: str) -> None:
    """It says this, then all agrees, and there is nothing left to do."""
    assert status(story.context, prove=True).disagreements
    lines = reconciled(story)
    assert len(lines) == len(said), lines
    for line, words in zip(lines, said, strict=True):
        assert words in line
    story.repository.fetch()
    assert status(story.context, prove=True).disagreements == []
    assert reconciled(story) == []


def test_nothing_to_do(settled: Story) -> None:
    assert reconciled(settled) == []


def test_nothing_to_do_before_the_first_model(story: Story) -> None:
    assert reconciled(story) == []


class TestServices:
    def test_killed(self, settled: Story) -> None:
        """It comes back under its number: no deployment was made."""
        release = settled.runs("uat")
        settled.target("uat").stop()
        mends(settled, f"uat: {release.name} serves again at http://127.0.0.1:8102")
        assert settled.journal.numbers["uat"] == 1

    def test_changed_by_hand_while_it_serves(self, settled: Story) -> None:
        settled.target("uat").otherwise.append("flights-uat-1: does not run")
        mends(settled, "uat: flights-uat-1: does not run", "uat: mended")

    def test_all_of_them(self, settled: Story) -> None:
        for name in settled.context.environments:
            settled.target(name).stop()
        mends(settled, "dev: ", "uat: ", "prod: ")

    def test_killed_after_a_failure(self, settled: Story) -> None:
        """What failed has used up a number: what was healthy serves again by that."""
        release = settled.runs("dev")
        bad = settled.released(2)
        settled.world.broken[bad.tree] = "no"
        with pytest.raises(Refused):
            settled.deploy("dev")
        settled.target("dev").stop()
        with pytest.raises(Refused, match=r"dev: deployment 2 of \w+ failed: .*no"):
            reconciled(settled)
        assert settled.serving("dev") == release.tree

    def test_a_failure_is_tried_again_by_people_alone(self, settled: Story) -> None:
        """On a schedule it would deploy what fails again and again."""
        bad = settled.released(2)
        settled.world.broken[bad.tree] = "no"
        with pytest.raises(Refused):
            settled.deploy("dev")
        for _ in range(2):
            with pytest.raises(Refused, match="failed"):
                reconciled(settled)
        assert settled.journal.numbers["dev"] == 2

    def test_another_release_answers(self, settled: Story) -> None:
        """Its model is the same, and its code is not."""
        old = settled.runs("dev")
        settled.through(1, "dev", **{"pipeline/features.py": "FEATURES = (1,)\n"})
        target = settled.target("dev")
        target.up[2] = Running(old.tree, "dev", 2, old.model.sha256, dict(old.model.files))
        mends(settled, "dev: deployment 3 is healthy", "uat: #1 proposes")

    def test_other_files_in_its_memory(self, settled: Story) -> None:
        settled.target("prod").up[1].files[MODEL] = "f" * 64
        mends(settled, "prod: deployment 2 is healthy")

    def test_a_bundle_that_was_tampered_with(self, settled: Story) -> None:
        release = settled.runs("prod")
        settled.target("prod").stop()
        path = bundle.place(settled.context.home, release.tree) / MODEL
        path.write_text("rate 999\n")
        mends(settled, f"prod: {release.name} serves again")
        assert path.read_bytes() == outputs_of(1)[MODEL]

    @pytest.mark.parametrize("taken_back", [False, True])
    def test_left_half_done(self, settled: Story, *, taken_back: bool) -> None:
        release = settled.released(2)
        add_intent(settled.repository, release, settled.journal.tags[release.tree], "dev", 2)
        if taken_back:
            settled.trained(1)
            mends(settled, "dev: deployment 3 is healthy")
        else:
            said = ("dev: deployment 3 is healthy", "registry: alias dev", "uat: #1 proposes")
            mends(settled, *said)

    def test_a_merge_that_nobody_delivered(self, settled: Story) -> None:
        settled.through(2, "dev")
        settled.merge(settled.propose("uat"))
        mends(
            settled,
            "uat: deployment 2 is healthy",
            "registry: alias uat names version 2",
            "prod: #2 proposes",
        )

    def test_what_may_not_run_does_not_keep_the_former_down(self, settled: Story) -> None:
        release = settled.runs("prod")
        new = settled.through(2, "dev")
        settled.repository.git("push", "--quiet", "origin", f"{new.commit}:refs/heads/main")
        settled.target("prod").stop()
        with pytest.raises(Refused, match=r"prod: .*never healthy in uat"):
            reconciled(settled)
        assert settled.serving("prod") == release.tree

    def test_one_that_fails_keeps_no_other_down(self, settled: Story) -> None:
        release = settled.runs("prod")
        for name in ("uat", "prod"):
            settled.target(name).stop()

        def fails() -> None:
            raise Refused("no memory left")

        settled.target("uat").meanwhile["start 1"] = fails
        with pytest.raises(Refused, match=r"^uat: no memory left$"):
            reconciled(settled)
        assert settled.serving("prod") == release.tree

    def test_no_branch_is_deployed_for_the_first_time(self, story: Story) -> None:
        """All branches may begin at one tree; it has to be promoted."""
        commit = story.trained(1)
        heads = (f"{commit}:refs/heads/{name}" for name in ("uat", "main"))
        story.repository.git("push", "--quiet", "origin", *heads)
        story.recorded(commit, 1)
        assert reconciled(story) == []


class TestTags:
    def test_every_kind(self, settled: Story) -> None:
        release = settled.runs("dev")
        settled.delete(f"release/{release.name}")
        mends(settled, f"release/{release.name}: brought back")
        settled.delete("deploy/dev/1")
        mends(settled, "deploy/dev/1: brought back")

    def test_all_that_hang_on_one_another(self, settled: Story) -> None:
        """Only what remains says what was there."""
        release = settled.runs("dev")
        settled.delete(f"release/{release.name}", *(f"deploy/{name}/1" for name in ("dev", "uat")))
        settled.delete("deploy/prod/1")
        mends(
            settled,
            "deploy/",
            "deploy/",
            "deploy/",
            f"release/{release.name}: brought back",
        )
        assert settled.runs("dev") == release

    def test_an_outcome_that_nothing_holds(self, settled: Story) -> None:
        """It is verified again."""
        settled.delete("deployed/uat/1")
        mends(settled, "uat: deployment 2 is healthy")

    def test_moved(self, settled: Story) -> None:
        """Refused by its name, while everything else is mended; deleted, it is brought back."""
        release = settled.runs("dev")
        for name in ("uat", "prod"):
            settled.target(name).stop()
        settled.repository.git("push", "--quiet", "origin", "origin/dev:refs/heads/mine")
        other = settled.commit("mine", **{"notes.md": "x\n"})
        settled.forge_tag(f"release/{release.name}", other, "commit", json_of(release))
        settled.world.registry.aliases.pop("dev")
        with pytest.raises(Refused, match=rf"release/{release.name}: not believed"):
            reconciled(settled)
        assert settled.world.registry.aliases["dev"] == 1
        settled.delete(f"release/{release.name}")
        mends(settled, f"release/{release.name}: brought back", "uat: ", "prod: ")

    def test_replaced(self, settled: Story) -> None:
        release = settled.runs("dev")
        forged = json_of(release.model_copy(update={"by": "Mallory"}))
        settled.forge_tag(f"release/{release.name}", release.commit, "commit", forged)
        settled.target("prod").stop()
        with pytest.raises(Refused, match="not believed"):
            reconciled(settled)
        settled.delete(f"release/{release.name}")
        mends(
            settled, f"release/{release.name}: brought back", f"prod: {release.name} serves again"
        )
        assert settled.runs("prod").by == "Test"

    def test_another_run_was_faster(self, settled: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        release = settled.runs("dev")
        tag = settled.journal.tags[release.tree]
        settled.delete(f"release/{release.name}")
        git = type(settled.repository)
        push = git.push

        def late(self: object, id_: str, ref: str, *words: object) -> None:
            other = settled.repository.write_tag("release/0", release.commit, "commit", "x")
            assert other != tag
            push(settled.repository, tag, ref)
            push(settled.repository, other, ref)

        monkeypatch.setattr(git, "push", late)
        assert reconciled(settled) == [
            f"release/{release.name}: brought back by another run meanwhile"
        ]


class TestRegistry:
    def test_a_moved_alias(self, settled: Story) -> None:
        settled.world.registry.aliases["prod"] = 7
        mends(settled, "registry: alias prod names version 1")

    def test_lost(self, settled: Story) -> None:
        """Each gets the number that its record has."""
        releases = [settled.runs("dev"), settled.through(2, "dev"), settled.through(3, "dev")]
        settled.world.registry.tags.clear()
        settled.world.registry.aliases.clear()
        names = {release.name for release in releases}
        lines = reconciled(settled)
        assert {name for name in names if name in lines[0]} == names
        assert status(settled.context).disagreements == []
        versions = settled.context.registry.read().versions
        assert {tree: versions[tree] for tree in versions} == {
            release.tree: release.model.version for release in releases
        }
        assert reconciled(settled) == []

    def test_down(self, settled: Story) -> None:
        """The rest is mended."""
        settled.world.registry.down.append("it is being moved")
        settled.target("prod").stop()
        with pytest.raises(Refused, match="it is being moved"):
            reconciled(settled)
        assert settled.serving("prod") == settled.runs("prod").tree


class TestPulls:
    def test_moved_target(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        settled.propose("uat")
        settled.commit("uat", **{"notes.md": "x\n"})
        assert reconciled(settled) == []
        settled.repository.fetch()
        [pull] = settled.forge.pulls()
        parents = settled.repository.git("rev-list", "--parents", "-1", pull.commit).split()[1:]
        assert parents == [settled.tip("uat")]
        assert settled.repository.tree(pull.commit) == release.tree

    def test_owed_by_a_killed_delivery(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        [said] = reconciled(settled)
        assert f"uat: #1 proposes {release.name}" in said
        assert reconciled(settled) == []

    def test_overtaken(self, settled: Story) -> None:
        old = settled.through(2, "dev")
        settled.through(3, "dev")
        settled.propose("uat", old.name)
        settled.promoted("uat")
        lines = reconciled(settled)
        assert any("closed #1: uat runs the newer" in line for line in lines)
        assert reconciled(settled) == []
