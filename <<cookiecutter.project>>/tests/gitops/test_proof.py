"""The check on a pull request says before the merge what delivery says after it."""

import pytest

from gitops.deploy import deploy
from gitops.forge import Pull
from gitops.promote import rollback
from gitops.proof import prove
from gitops.settings import Refused
from tests.gitops.stories import FIX, Story


def opened(story: Story, base: str, **files: str) -> Pull:
    """A pull request by hand."""
    tip = story.tip(base)
    story.repository.git("push", "--quiet", "origin", f"{tip}:refs/heads/by-hand")
    story.commit("by-hand", **files)
    return story.forge.open("by-hand", base, "By hand", "")


def test_a_promotion(settled: Story) -> None:
    release = settled.through(2, "dev")
    pull = settled.propose("uat")
    said = prove(settled.context, pull)
    assert said == f"#1: arrives at release {release.name} exactly; verified in dev"


def test_a_rollback(settled: Story) -> None:
    first = settled.runs("prod")
    settled.through(2)
    pull = rollback(settled.context, settled.at("prod"), first.name, force=False)
    assert pull
    settled.repository.fetch()
    assert f"arrives at release {first.name} exactly; verified in uat" in prove(
        settled.context, pull
    )


def test_a_hotfix_names_who_made_it(settled: Story) -> None:
    release = settled.recorded(settled.hotfixed(2), 2, skipped=("dev",), by="ada")
    pull = settled.forge.open(FIX, "uat", "Fix", "")
    assert prove(settled.context, pull) == (
        f"#1: arrives at release {release.name} exactly; a hotfix by ada, past dev"
    )


def test_a_hotfix_was_verified_too_where_it_was(settled: Story) -> None:
    release = settled.recorded(settled.hotfixed(2), 2, skipped=("dev",), by="ada")
    settled.merge(settled.propose("uat", release.name))
    settled.deploy("uat")
    said = prove(settled.context, settled.propose("prod"))
    assert said.endswith("exactly; verified in uat; a hotfix by ada, past dev")


def test_force_is_said(settled: Story) -> None:
    release = settled.through(2, "dev")
    pull = rollback(settled.context, settled.at("prod"), release.name, force=True)
    assert pull
    settled.repository.fetch()
    said = prove(settled.context, pull)
    assert said.endswith(f"exactly; forced: see the tag forced/prod/{release.name}")


def test_where_releases_are_made_there_is_nothing_to_prove(settled: Story) -> None:
    pull = opened(settled, "dev", **{"notes.md": "x\n"})
    assert prove(settled.context, pull) == ("#1: nothing to prove: dev is where releases are made")


def test_a_change_by_hand_fails_by_its_paths(settled: Story) -> None:
    pull = opened(settled, "main", **{"pipeline/features.py": "HOT = True\n"})
    with pytest.raises(Refused, match=r"is no release.* in pipeline/features\.py;"):
        prove(settled.context, pull)


def test_a_promotion_past_an_environment_fails(settled: Story) -> None:
    release = settled.through(2, "dev")
    settled.repository.git("push", "--quiet", "origin", f"{release.commit}:refs/heads/quick")
    pull = settled.forge.open("quick", "main", "Quick", "")
    settled.repository.fetch()
    with pytest.raises(Refused, match="never healthy in uat"):
        prove(settled.context, pull)


def test_a_stale_promotion_fails_as_its_delivery_would(settled: Story) -> None:
    settled.through(2, "dev")
    pull = settled.propose("uat")
    settled.commit("uat", **{"notes.md": "x\n"})
    with pytest.raises(Refused) as before:
        prove(settled.context, pull)
    with pytest.raises(Refused) as after:
        deploy(settled.context, settled.at("uat"), settled.merge(pull))
    assert str(before.value) == str(after.value)


def test_a_conflict_says_what_to_do(settled: Story) -> None:
    settled.through(2, "dev")
    pull = settled.propose("uat")
    settled.commit("uat", **{"params.yaml": "train: {}\n"})
    with pytest.raises(Refused, match=r"#1 conflicts with uat.*make promote ENV=uat"):
        prove(settled.context, pull)


def test_what_changes_nothing_may_be_merged(settled: Story) -> None:
    pull = opened(settled, "uat", **{"notes.md": "x\n"})
    settled.commit("uat", **{"notes.md": "x\n"})
    assert prove(settled.context, pull) == (
        "#1: uat has this tree already; merging it changes nothing"
    )
