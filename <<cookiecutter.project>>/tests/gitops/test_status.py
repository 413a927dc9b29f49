"""Each disagreement between git and the world is seen, and comes with what mends it."""

from dataclasses import replace

import pytest

from gitops.bundle import MODEL
from gitops.promote import rollback
from gitops.reconcile import services
from gitops.settings import Refused
from gitops.status import Disagreement, status
from gitops.target import Running
from tests.gitops.repositories import add_intent, json_of
from tests.gitops.stories import Story


def found(story: Story, *, prove: bool = False) -> list[Disagreement]:
    story.repository.fetch()
    return status(story.context, prove=prove).disagreements


def only(story: Story, *, prove: bool = False) -> Disagreement:
    [one] = found(story, prove=prove)
    return one


def test_before_the_first_model(story: Story) -> None:
    """Three branches of one tree, nothing runs: that is how it begins."""
    seen = status(story.context)
    assert seen.disagreements == []
    assert [place.environment for place in seen.places] == ["dev", "uat", "prod"]
    assert all(place.release is None and not place.answers for place in seen.places)
    assert {place.tree for place in seen.places} == {story.tree("dev")}


def test_everything_agrees(settled: Story) -> None:
    release = settled.runs("prod")
    seen = status(settled.context, prove=True)
    assert seen.disagreements == []
    prod = seen.places[-1]
    assert (prod.environment, prod.branch, prod.number) == ("prod", "main", 1)
    assert prod.tree == prod.release == release.tree
    assert (prod.model_sha256, prod.version, prod.alias) == (release.model.sha256, 1, 1)
    current = settled.journal.current("prod")
    assert current
    assert current.outcome
    assert prod.since == current.outcome.created
    assert prod.answers


def test_a_document_that_was_left_alone_is_no_disagreement(settled: Story) -> None:
    settled.released(1, **{"README.md": "other\n"})
    settled.deploy("dev")
    settled.world.registry.aliases["dev"] = 2
    assert found(settled, prove=True) == []


class TestRecords:
    def test_deleted(self, settled: Story) -> None:
        release = settled.runs("dev")
        settled.delete(f"release/{release.name}")
        one = only(settled)
        assert one.where == f"release/{release.name}"
        assert "was deleted; those made from it still hold it" in one.what
        assert one.mend == "make reconcile"

    def test_forged(self, settled: Story) -> None:
        """PROD goes on serving: nobody is told to stop it."""
        release = settled.runs("dev")
        forged = json_of(release.model_copy(update={"by": "Mallory"}))
        settled.forge_tag(f"release/{release.name}", release.commit, "commit", forged)
        one = only(settled)
        assert "not believed" in one.what
        name = f"refs/tags/release/{release.name}"
        assert one.mend == f"git push --delete origin {name}; make reconcile"

    def test_not_json(self, settled: Story) -> None:
        made = settled.commit(**{"notes.md": "x\n"})
        settled.forge_tag("release/0123456789ab", made, "commit", "hello")
        known = {one.where: one for one in found(settled)}
        assert "release/0123456789ab" in known["release/0123456789ab"].what


class TestBranch:
    def test_gone(self, settled: Story) -> None:
        release = settled.runs("uat")
        settled.repository.git("push", "--quiet", "origin", ":refs/heads/uat")
        one = only(settled)
        assert one.what == "uat: the remote has no such branch"
        settled.repository.git(*one.mend.removeprefix("git ").split())
        assert settled.tree("uat") == release.tree
        assert found(settled) == []

    def test_not_delivered(self, settled: Story) -> None:
        release = settled.released(2)
        one = only(settled)
        assert one.what == f"dev is at release {release.name}, which is not deployed"
        assert one.mend == f"make deliver BRANCH=dev COMMIT={release.commit}"

    def test_not_released(self, settled: Story) -> None:
        commit = settled.commit(**{"notes.md": "x\n"})
        one = only(settled)
        assert "is no release" in one.what
        assert one.mend == f"make deliver BRANCH=dev COMMIT={commit}"

    def test_pushed_past_the_rules(self, settled: Story) -> None:
        release = settled.runs("prod")
        settled.commit("main", **{"notes.md": "x\n"})
        one = only(settled)
        assert "is no release, so nothing is deployed" in one.what
        assert "in notes.md;" in one.what
        assert one.mend == f"make rollback ENV=prod TO={release.name}"
        pull = rollback(settled.context, settled.at("prod"), release.name, force=False)
        assert pull
        settled.merge(pull)
        assert found(settled) == []

    def test_pushed_past_an_environment(self, settled: Story) -> None:
        release = settled.through(2, "dev")
        settled.repository.git("push", "--quiet", "origin", f"{release.commit}:refs/heads/main")
        one = only(settled)
        assert (one.where, one.mend[:26]) == ("prod", "make rollback ENV=prod TO=")
        assert "never healthy in uat" in one.what

    def test_begun_and_not_ended(self, settled: Story) -> None:
        release = settled.released(2)
        add_intent(settled.repository, release, settled.journal.tags[release.tree], "dev", 2)
        one = only(settled)
        assert one.what == "deployment 2 has begun and not ended"
        assert one.mend == f"make deliver BRANCH=dev COMMIT={release.commit}"

    def test_begun_and_taken_back(self, settled: Story) -> None:
        """The branch is at what serves again, and what was begun has not ended all the same."""
        release = settled.released(2)
        add_intent(settled.repository, release, settled.journal.tags[release.tree], "dev", 2)
        settled.trained(1)
        assert settled.tree("dev") == settled.runs("dev").tree
        assert only(settled).what == "deployment 2 has begun and not ended"
        settled.deploy("dev")
        assert found(settled) == []

    def test_failed(self, settled: Story) -> None:
        release = settled.released(2)
        settled.world.broken[release.tree] = "row 17 differs"
        with pytest.raises(Refused):
            settled.deploy("dev")
        one = only(settled)
        assert one.what == "deployment 2 failed: memory://dev/2: row 17 differs"
        assert one.mend == f"make deliver BRANCH=dev COMMIT={release.commit}"


class TestService:
    def test_silent(self, settled: Story) -> None:
        release = settled.runs("uat")
        settled.target("uat").stop()
        one = only(settled)
        assert one.what == f"nothing answers at http://127.0.0.1:8102, where {release.name} should"
        assert one.mend == "make reconcile"
        assert not status(settled.context).places[1].answers

    def test_another_release(self, settled: Story) -> None:
        old = settled.runs("dev")
        new = settled.through(2, "dev")
        target = settled.target("dev")
        target.up[2] = Running(old.tree, "dev", 2, old.model.sha256, dict(old.model.files))
        one = only(settled)
        assert one.what == f"{old.name} answers, and git says {new.name}"
        assert one.mend == "make reconcile"

    def test_something_that_git_never_heard_of(self, story: Story) -> None:
        target = story.target("prod")
        target.up[7], target.public = Running("f" * 40, "prod", 7, "0" * 64, {}), 7
        one = only(story)
        assert one.what == "ffffffffffff answers, and git knows of no deployment"
        assert one.mend == "make stop ENV=prod"

    def test_other_files_are_seen_by_proof(self, settled: Story) -> None:
        release = settled.runs("prod")
        settled.target("prod").up[1].files[MODEL] = "f" * 64
        assert found(settled) == []
        one = only(settled, prove=True)
        assert one.what == f"it holds another {MODEL} than release {release.name} names"
        assert one.mend == "make reconcile"


class TestRegistry:
    def test_down(self, settled: Story) -> None:
        settled.world.registry.down.append("it is being moved")
        one = only(settled)
        assert (one.where, one.mend) == ("registry", "see that it answers")
        assert "it is being moved" in one.what
        places = status(settled.context).places
        assert [(place.version, place.alias) for place in places] == [(None, None)] * 3

    def test_lost(self, settled: Story) -> None:
        release = settled.runs("dev")
        settled.world.registry.tags.clear()
        settled.world.registry.aliases.clear()
        assert found(settled) == [
            Disagreement(name, f"{release.name} is not in the registry", "make reconcile")
            for name in ("dev", "uat", "prod")
        ]

    def test_a_moved_alias(self, settled: Story) -> None:
        release = settled.runs("dev")
        settled.world.registry.aliases["prod"] = 7
        one = only(settled)
        assert one.what == f"alias prod names version 7, and {release.name} is 1"
        assert one.mend == "make reconcile"
        assert status(settled.context).places[-1].alias == 7

    def test_another_number(self, settled: Story) -> None:
        release = settled.runs("dev")
        settled.world.registry.tags[5] = settled.world.registry.tags.pop(1)
        settled.world.registry.aliases.update(dev=5, uat=5, prod=5)
        seen = {one.what for one in found(settled)}
        assert seen == {f"{release.name} is version 5 there, and its record says 1"}


def test_several_at_once(settled: Story) -> None:
    """One does not hide another."""
    settled.commit("main", **{"notes.md": "x\n"})
    settled.target("prod").stop()
    settled.target("uat").stop()
    settled.world.registry.aliases.pop("uat")
    places = [one.where for one in found(settled)]
    assert places == ["uat", "uat", "prod", "prod"]


def test_it_changes_nothing(settled: Story) -> None:
    settled.released(2)
    settled.target("uat").stop()
    asked = {name: list(settled.target(name).asked) for name in settled.context.environments}
    refs = settled.repository.git("ls-remote", "origin")
    found(settled, prove=True)
    assert settled.repository.git("ls-remote", "origin") == refs
    assert {name: settled.target(name).asked for name in asked} == asked


class TestImages:
    def test_another_image_than_the_release_names(self, settled: Story) -> None:
        up = settled.target("prod").up
        up[1] = replace(up[1], image=f"flights@sha256:{'0' * 64}")
        one = only(settled)
        assert one.where == "prod"
        assert one.what == f"flights@sha256:{'0' * 64} answers, and its release names None"
        assert one.mend == "make reconcile"

    def test_something_that_is_no_container_of_ours(self, settled: Story) -> None:
        up = settled.target("prod").up
        up[1] = replace(up[1], image="")
        assert only(settled).what == "no container of ours answers, and its release names None"

    def test_are_mended_by_a_number_of_their_own(self, settled: Story) -> None:
        up = settled.target("prod").up
        up[1] = replace(up[1], image="another")
        assert list(services(settled.context)) == [
            "prod: deployment 2 is healthy at http://127.0.0.1:8103"
        ]
        assert found(settled) == []


class TestDrift:
    def test_what_is_otherwise_than_it_was_made_is_named(self, settled: Story) -> None:
        settled.target("uat").otherwise.append("flights-uat-1: does not run")

        assert only(settled) == Disagreement("uat", "flights-uat-1: does not run", "make reconcile")

    def test_what_can_t_be_told_is_said(
        self, settled: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused() -> list[str]:
            raise Refused("no terraform on PATH")

        monkeypatch.setattr(settled.target("uat"), "drift", refused)

        assert only(settled).what == "no terraform on PATH"
