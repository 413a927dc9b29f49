"""Promotion arrives at the exact tree, however it is merged and whatever the target holds."""

import pytest

from gitops.bundle import MODEL
from gitops.deploy import Superseded, deploy
from gitops.forge import Pull
from gitops.git import Repository
from gitops.promote import PREFIX, onward, promote, refresh, rollback
from gitops.records import Release
from gitops.settings import Refused
from tests.gitops.stories import Story, conflicts, merged_by_hand
from tests.gitops.tiny import outputs_of, sha256
from tests.projects import succeed

HOW = ("merge", "squash", "rebase")
# What a target's branch may hold that nobody promoted, by a change of files and of its history.
UNPROMOTED = {"pipeline/features.py": "HOT = True\n", "params.yaml": "train:\n  rate: 99\n"}


def heads(story: Story, base: str) -> dict[str, str]:
    """The open promotions to a branch: title by head."""
    return {pull.head: pull.title for pull in story.forge.pulls(base=base)}


class TestExactTree:
    @pytest.mark.parametrize("how", HOW)
    def test_by_every_way_to_merge(self, settled: Story, how: str) -> None:
        """By git itself, not by a forge; prod serves the bytes that uat served."""
        release = settled.released(2, **{"pipeline/new.py": "", "README.md": "other\n"})
        settled.deploy("dev")
        for name, branch in (("uat", "uat"), ("prod", "main")):
            merged_by_hand(settled, settled.propose(name), how)
            assert settled.tree(branch) == release.tree
            settled.deploy(name)
        served = [settled.target(name).running() for name in ("uat", "prod")]
        model = sha256(outputs_of(2)[MODEL])
        assert [one and one.model_sha256 for one in served] == [model, model]
        assert release.model.sha256 == model

    @pytest.mark.parametrize("how", HOW)
    @pytest.mark.parametrize("branch", ["uat", "main"])
    def test_after_a_hotfix_on_the_target(self, settled: Story, branch: str, how: str) -> None:
        """Pushed past all rules: what is promoted next still arrives."""
        settled.commit(branch, **UNPROMOTED)
        release = settled.through(2, "dev" if branch == "uat" else "uat")
        pull = settled.propose("uat" if branch == "uat" else "prod")
        merged_by_hand(settled, pull, how)
        assert settled.tree(branch) == release.tree

    @pytest.mark.parametrize("how", HOW)
    def test_after_a_revert_on_the_target(self, settled: Story, how: str) -> None:
        settled.through(2, "uat", **{"pipeline/two.py": ""})
        path = settled.repository.path
        succeed("git", "switch", "--quiet", "--detach", "origin/uat", cwd=path)
        succeed("git", "revert", "--no-edit", "HEAD", cwd=path)
        succeed("git", "push", "--quiet", "origin", "HEAD:uat", cwd=path)
        settled.repository.fetch()
        release = settled.through(3, "dev", **{"pipeline/three.py": ""})
        merged_by_hand(settled, settled.propose("uat"), how)
        assert settled.tree("uat") == release.tree
        assert settled.repository.file(release.tree, "pipeline/two.py") == b""

    def test_the_commit_says_where_it_comes_from(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        pull = settled.propose("uat")
        assert pull.head == f"{PREFIX}uat/{release.name}"
        parents = settled.repository.git("rev-list", "--parents", "-1", pull.commit).split()[1:]
        assert parents == [settled.tip("uat")]
        said = settled.repository.message(pull.commit)
        assert said.splitlines()[2:] == [
            f"Release: {release.tree}",
            f"Source: {release.commit}",
            "Kind: promote",
        ]

    def test_its_checks_are_dispatched(self, settled: Story) -> None:
        """What a workflow opens starts none."""
        settled.through(2, "dev")
        pull = settled.propose("uat")
        [waiting] = settled.forge.queue.iterdir()
        assert f'"pull": "{pull.number}"' in waiting.read_text()
        assert pull.head in waiting.read_text()


class TestProposed:
    def test_what_runs_before(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        settled.released(3)  # not deployed
        assert settled.propose("uat").title == f"Promote uat to {release.name}"

    def test_a_named_release(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        settled.through(3, "dev")
        assert settled.propose("uat", release.name[:7]).title == f"Promote uat to {release.name}"

    def test_once(self, settled: Story) -> None:
        settled.through(2, "dev")
        first = settled.propose("uat")
        assert settled.propose("uat") == first
        assert settled.tip(first.head) == first.commit
        assert len(settled.forge.pulls()) == 1

    def test_nothing_where_it_is_already(self, settled: Story) -> None:
        assert promote(settled.context, settled.at("uat")) is None
        assert settled.forge.pulls() == []

    def test_again_after_it_was_closed(self, settled: Story) -> None:
        settled.through(2, "dev")
        first = settled.propose("uat")
        settled.forge.close(first.number, "not now")
        assert settled.propose("uat").number == first.number + 1

    def test_again_after_somebody_pushed_to_its_branch(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        first = settled.propose("uat")
        settled.commit(first.head, **{"notes.md": "x\n"})
        second = settled.propose("uat")
        assert second.number == first.number
        assert settled.repository.tree(second.commit) == release.tree

    def test_again_after_somebody_amended_it(self, settled: Story) -> None:
        """It says the same, on the same tip, and holds something else."""
        release = settled.through(2, "dev")
        first = settled.propose("uat")
        git = settled.repository
        other = settled.commit(**{"notes.md": "x\n"})
        made = git.write_commit(git.tree(other), settled.tip("uat"), git.message(first.commit))
        git.push(made, f"refs/heads/{first.head}", first.commit)
        assert git.tree(settled.propose("uat", release.name).commit) == release.tree

    def test_two_at_once(self, settled: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        settled.through(2, "dev")
        colleague = settled.colleague()
        write, theirs = Repository.write_commit, list[Pull]()

        def write_commit(self: Repository, *words: str) -> str:
            if self == settled.repository and not theirs:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("GIT_COMMITTER_DATE", "@1 +0000")  # so it is another commit
                    theirs.append(colleague.propose("uat"))
            return write(self, *words)

        monkeypatch.setattr(Repository, "write_commit", write_commit)
        assert [settled.propose("uat")] == theirs
        assert len(settled.forge.pulls()) == 1


class TestNotProposed:
    def refused(self, story: Story, name: str, release: str | None, why: str) -> None:
        story.repository.fetch()
        with pytest.raises(Refused, match=why):
            promote(story.context, story.at(name), release)
        assert story.forge.pulls() == []

    def test_where_releases_are_made(self, settled: Story) -> None:
        self.refused(settled, "dev", None, "dev: nothing comes before it.*merging to dev")

    def test_before_anything_ran(self, story: Story) -> None:
        self.refused(story, "uat", None, "nothing has run in dev yet.*a merge to dev comes first")
        self.refused(story, "prod", None, "nothing has run in uat yet.*make promote ENV=uat")

    def test_no_such_release(self, settled: Story) -> None:
        self.refused(settled, "uat", "0123456789ab", "no such release; `make releases` lists them")

    def test_past_an_environment(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        self.refused(settled, "prod", release.name, "never healthy in uat.*make promote ENV=uat")

    def test_a_failed_one(self, settled: Story) -> None:
        release = settled.released(2)
        settled.world.broken[release.tree] = "no"
        with pytest.raises(Refused):
            settled.deploy("dev")
        self.refused(settled, "uat", release.name, "never healthy in dev")

    def test_an_older_one_than_runs_there(self, settled: Story) -> None:
        old = settled.runs("uat")
        new = settled.through(2, "uat")
        self.refused(
            settled, "uat", old.name, rf"newer {new.name}; `make rollback ENV=uat TO={old.name}` "
        )

    def test_an_older_one_that_never_ran_there(self, settled: Story) -> None:
        skipped = settled.through(2, "dev")
        settled.through(3, "uat")
        self.refused(settled, "uat", skipped.name, rf"TO={skipped.name} FORCE=1` goes back")

    def test_a_branch_that_is_not_there(self, settled: Story) -> None:
        settled.through(2, "dev")
        settled.repository.git("push", "--quiet", "origin", ":refs/heads/uat")
        self.refused(settled, "uat", None, "uat: the remote has no such branch")


class TestTargetMoved:
    """While a promotion is open, something else arrives at its target."""

    @pytest.fixture
    def release(self, settled: Story) -> Release:
        return settled.through(2, "dev", **{"pipeline/two.py": ""})

    @pytest.fixture
    def pull(self, settled: Story, release: Release) -> Pull:
        return settled.propose("uat")

    def test_rebuilt_on_the_new_tip(self, settled: Story, release: Release, pull: Pull) -> None:
        settled.commit("uat", **{"notes.md": "x\n"})
        assert refresh(settled.context, settled.at("uat")) == []
        after = settled.forge.pull(pull.number)
        settled.repository.fetch()
        assert after.commit != pull.commit
        merged_by_hand(settled, after, "rebase")
        assert settled.tree("uat") == release.tree
        assert settled.deploy("uat").tree == release.tree

    def test_left_where_nothing_moved(self, settled: Story, pull: Pull) -> None:
        assert refresh(settled.context, settled.at("uat")) == []
        assert settled.forge.pull(pull.number) == pull

    @pytest.mark.parametrize("how", HOW)
    def test_merged_stale(self, settled: Story, release: Release, pull: Pull, how: str) -> None:
        """Another tree arrives: it is refused by its paths, and the former goes on serving."""
        former = settled.serving("uat")
        settled.commit("uat", **{"notes.md": "x\n"})
        merged_by_hand(settled, pull, how)
        assert settled.tree("uat") != release.tree
        with pytest.raises(
            Refused, match=rf"differs from {release.name}.* in notes\.md; `make pro"
        ):
            settled.deploy("uat")
        assert settled.serving("uat") == former
        assert settled.promoted("uat").tree == release.tree


class TestTwoMergesAtOnce:
    def test_the_second_conflicts(self, settled: Story) -> None:
        settled.through(2, "dev")
        first = settled.propose("uat")
        settled.through(3, "dev")
        second = settled.propose("uat")
        settled.merge(first)
        assert conflicts(settled, second)
        with pytest.raises(Refused, match="conflicts with uat"):
            settled.merge(second)

    def test_the_second_mixes(self, settled: Story) -> None:
        """Both change other files, so git merges what nobody has released."""
        before = settled.tip("dev")
        first_release = settled.through(1, "dev", **{"pipeline/one.py": ""})
        first = settled.propose("uat")
        settled.tell([f"reset refs/heads/dev\nfrom {before}\n"])
        settled.through(1, "dev", **{"pipeline/two.py": ""})
        second = settled.propose("uat")
        settled.merge(first)
        settled.merge(second)
        former = settled.serving("uat")
        assert settled.tree("uat") not in settled.journal.releases
        with pytest.raises(Refused, match=r"is no release.*in pipeline/\w+\.py;"):
            settled.deploy("uat")
        with pytest.raises(Superseded):
            deploy(settled.context, settled.at("uat"), first_release.commit)
        assert settled.serving("uat") == former


class TestThreeQueued:
    @pytest.fixture
    def releases(self, settled: Story) -> list[Release]:
        return [settled.through(rate, "dev") for rate in (2, 3, 4)]

    @pytest.fixture
    def pulls(self, settled: Story, releases: list[Release]) -> list[Pull]:
        return [settled.propose("uat", one.name) for one in releases]

    def test_the_newest_is_merged(
        self, settled: Story, releases: list[Release], pulls: list[Pull]
    ) -> None:
        """The overtaken ones are closed: each would be a step back."""
        settled.merge(pulls[2])
        settled.deploy("uat")
        said = refresh(settled.context, settled.at("uat"))
        assert [line.partition(":")[0] for line in said] == [
            f"closed #{pulls[0].number}",
            f"closed #{pulls[1].number}",
        ]
        assert f"uat runs the newer {releases[2].name}; `make rollback" in said[0]
        assert settled.forge.pulls() == []
        comment = settled.forge.folder / str(pulls[0].number) / "comments/closed.md"
        assert "make rollback" in comment.read_text()

    def test_the_oldest_is_merged(
        self, settled: Story, releases: list[Release], pulls: list[Pull]
    ) -> None:
        """The others are built anew on it, and each arrives in turn."""
        for place, release in enumerate(releases):
            settled.merge(settled.forge.pull(pulls[place].number), HOW[place])
            assert settled.deploy("uat").tree == release.tree
            assert refresh(settled.context, settled.at("uat")) == []
        assert settled.forge.pulls() == []

    def test_all_are_merged_before_any_is_delivered(
        self, settled: Story, releases: list[Release], pulls: list[Pull]
    ) -> None:
        tips = []
        for pull in pulls:
            refresh(settled.context, settled.at("uat"))
            tips.append(settled.merge(settled.forge.pull(pull.number)))
        for tip in tips[:2]:
            with pytest.raises(Superseded):
                deploy(settled.context, settled.at("uat"), tip)
        assert settled.deploy("uat").tree == releases[2].tree
        assert settled.journal.numbers["uat"] == 2


class TestRefreshCloses:
    def test_what_has_arrived(self, settled: Story) -> None:
        """Squashed by hand: the forge can't know that it was merged."""
        settled.through(2, "dev")
        pull = settled.propose("uat")
        merged_by_hand(settled, pull, "squash")
        settled.deploy("uat")
        [said] = refresh(settled.context, settled.at("uat"))
        assert said == f"closed #{pull.number}: uat has this tree already; nothing is left to do"

    def test_what_is_no_release(self, settled: Story) -> None:
        tip = settled.commit("uat", **{"notes.md": "x\n"})
        settled.repository.git("push", "--quiet", "origin", f"{tip}:refs/heads/promote/uat/abc")
        settled.commit("promote/uat/abc", **{"more.md": "x\n"})
        settled.forge.open("promote/uat/abc", "uat", "Promote", "")
        [said] = refresh(settled.context, settled.at("uat"))
        assert "no such release" in said

    def test_nothing_of_other_people(self, settled: Story) -> None:
        settled.repository.git("push", "--quiet", "origin", "origin/uat:refs/heads/mine")
        settled.commit("mine", **{"notes.md": "x\n"})
        pull = settled.forge.open("mine", "uat", "Roll back", "")
        assert refresh(settled.context, settled.at("uat")) == []
        assert settled.forge.pull(pull.number) == pull

    def test_nothing_whose_release_may_come_back(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        settled.propose("uat")
        settled.delete(f"release/{release.name}")
        assert refresh(settled.context, settled.at("uat")) == []
        assert len(settled.forge.pulls()) == 1


class TestRollback:
    @pytest.fixture
    def first(self, settled: Story) -> Release:
        return settled.runs("prod")

    @pytest.fixture
    def second(self, settled: Story, first: Release) -> Release:
        return settled.through(2, **{"pipeline/two.py": ""})

    @pytest.mark.parametrize("how", HOW)
    def test_within_what_ran_there(
        self, settled: Story, first: Release, second: Release, how: str
    ) -> None:
        registered = dict(settled.world.registry.tags)
        pull = rollback(settled.context, settled.at("prod"), first.name, force=False)
        assert pull
        assert pull.title == f"Roll back prod to {first.name}"
        assert "Kind: roll back" in settled.repository.message(pull.commit)
        settled.repository.fetch()
        merged_by_hand(settled, pull, how)
        assert settled.tree("main") == first.tree
        assert settled.deploy("prod").number == 3
        assert settled.serving("prod") == first.tree
        assert settled.world.registry.tags == registered
        assert settled.journal.forced == set()

    def test_twice(self, settled: Story, first: Release, second: Release) -> None:
        where = settled.at("prod")
        pull = rollback(settled.context, where, first.name, force=False)
        assert rollback(settled.context, where, first.name, force=False) == pull
        assert pull
        settled.merge(pull)
        settled.deploy("prod")
        assert rollback(settled.context, where, first.name, force=False) is None
        assert settled.deploy("prod").number == 3
        assert settled.forge.pulls() == []

    def test_and_forth(self, settled: Story, first: Release, second: Release) -> None:
        settled.back("prod", first.name)
        settled.deploy("prod")
        assert settled.promoted("prod").tree == second.tree
        assert settled.serving("prod") == second.tree

    def test_where_releases_are_made(self, settled: Story, first: Release, second: Release) -> None:
        settled.back("dev", first.name)
        assert settled.deploy("dev").tree == first.tree

    def test_refresh_leaves_it_open(self, settled: Story, first: Release, second: Release) -> None:
        """It is older, and wanted; also after somebody changed its title."""
        pull = rollback(settled.context, settled.at("prod"), first.name, force=False)
        assert pull
        settled.forge.open(pull.head, "main", "Please take it back", "")
        settled.commit("main", **{"notes.md": "x\n"})
        assert refresh(settled.context, settled.at("prod")) == []
        assert heads(settled, "main") == {pull.head: f"Roll back prod to {first.name}"}
        settled.merge(settled.forge.pull(pull.number))
        assert settled.deploy("prod").tree == first.tree

    def test_in_place_of_a_promotion_of_the_same(self, settled: Story) -> None:
        """An open promotion of it would be closed as overtaken, once something newer runs."""
        old = settled.through(2, "dev")
        settled.propose("uat")
        pull = rollback(settled.context, settled.at("uat"), old.name, force=True)
        assert pull
        assert pull.title == f"Roll back uat to {old.name}"
        assert "Kind: roll back" in settled.repository.message(pull.commit)
        assert len(settled.forge.pulls()) == 1

    def test_to_what_never_ran_there(self, settled: Story, first: Release) -> None:
        other = settled.through(3, "dev")
        with pytest.raises(Refused, match=rf"never healthy there \(these were: {first.name}\)"):
            rollback(settled.context, settled.at("prod"), other.name, force=False)
        assert settled.forge.pulls() == []
        assert settled.journal.forced == set()

    def test_forced_and_recorded(self, settled: Story, first: Release) -> None:
        other = settled.through(3, "dev")
        settled.back("prod", other.name, force=True)
        assert settled.deploy("prod").tree == other.tree
        known = settled.journal
        assert known.forced == {("prod", other.tree)}
        assert known.deployments["prod"][-1].intent.forced
        name = f"refs/tags/forced/prod/{other.name}"
        tag = settled.repository.git("cat-file", "tag", name)
        assert tag.startswith(f"object {known.tags[other.tree]}\ntype tag\n")
        assert '"by": "Test"' in tag

    def test_forced_twice(self, settled: Story, capsys: pytest.CaptureFixture[str]) -> None:
        other = settled.through(3, "dev")
        pulls = [
            rollback(settled.context, settled.at("prod"), other.name, force=True) for _ in "ab"
        ]
        assert pulls[0] == pulls[1]
        assert "is recorded already" in capsys.readouterr().out


class TestOnward:
    def onward(self, story: Story, name: str, *, again: bool = True) -> list[str]:
        story.repository.fetch()
        return list(onward(story.context, story.at(name), again=again))

    def test_the_next_environment_alone(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        [said] = self.onward(settled, "dev")
        assert said.startswith(f"uat: #1 proposes {release.name}: ")
        assert self.onward(settled, "uat") == []
        assert heads(settled, "main") == {}

    def test_nothing_after_the_last(self, settled: Story) -> None:
        settled.through(2)
        assert self.onward(settled, "prod") == []

    def test_nothing_that_ran_there(self, settled: Story) -> None:
        """A rollback of what comes before is no reason to roll back what comes after."""
        first = settled.runs("uat")
        settled.through(2)
        settled.back("uat", first.name)
        settled.deploy("uat")
        assert self.onward(settled, "uat") == []

    def test_nothing_that_was_taken_back(self, settled: Story) -> None:
        """It is newer than what PROD runs, and people have judged it."""
        first = settled.runs("prod")
        settled.through(2)
        settled.back("prod", first.name)
        settled.deploy("prod")
        assert self.onward(settled, "uat") == []

    def test_nothing_older_than_runs_there(self, settled: Story) -> None:
        skipped = settled.through(2, "dev")
        settled.through(3, "uat")
        settled.back("dev", skipped.name)
        settled.deploy("dev")
        assert self.onward(settled, "dev") == []

    def test_nothing_before_the_first_deployment(self, story: Story) -> None:
        assert self.onward(story, "dev") == []

    def test_what_somebody_closed_is_proposed_by_a_delivery_alone(self, settled: Story) -> None:
        settled.through(2, "dev")
        pull = settled.propose("uat")
        settled.forge.close(pull.number, "not now")
        assert self.onward(settled, "dev", again=False) == []
        assert len(self.onward(settled, "dev")) == 1
