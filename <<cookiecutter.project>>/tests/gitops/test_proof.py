"""The check on a pull request says before the merge what delivery says after it."""

import pytest

from gitops.deploy import deploy
from gitops.forge import Pull
from gitops.promote import rollback
from gitops.proof import prove
from gitops.settings import Refused
from tests.gitops.stories import FIX, Story


def opened(story: Story, base: str, head: str = "by-hand", **files: str) -> Pull:
    """A pull request by hand."""
    tip = story.tip(base)
    story.repository.git("push", "--quiet", "origin", f"{tip}:refs/heads/{head}")
    story.commit(head, **files)
    return story.forge.open(head, base, "By hand", "")


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
    said = prove(settled.context, pull)
    assert said.endswith(f"release {first.name} exactly; verified in uat; ran in prod before")


def test_a_rollback_of_the_first_environment(settled: Story) -> None:
    first = settled.runs("dev")
    settled.through(2, "dev")
    pull = rollback(settled.context, settled.at("dev"), first.name, force=False)
    assert pull
    settled.repository.fetch()
    said = prove(settled.context, pull)
    assert said == f"#1: arrives at release {first.name} exactly; ran in dev before"
    settled.merge(pull)
    assert settled.deploy("dev").tree == settled.serving("dev") == first.tree


def test_a_promotions_name_hides_no_change_from_the_other_checks(settled: Story) -> None:
    """They leave such a branch to the proof; delivery would release what arrives."""
    pull = opened(settled, "dev", "promote/dev/by-hand", **{"pipeline/features.py": "HOT = 1\n"})
    with pytest.raises(Refused, match=r"dev: tree \w+ is no release"):
        prove(settled.context, pull)


def test_a_promotion_to_no_environment_fails(settled: Story) -> None:
    settled.repository.git("push", "--quiet", "origin", "origin/dev:refs/heads/mine")
    pull = opened(settled, "mine", "promote/mine/by-hand", **{"notes.md": "x\n"})
    with pytest.raises(Refused, match=r"by its proof alone, and mine is no environment's branch"):
        prove(settled.context, pull)
    plain = opened(settled, "mine", **{"notes.md": "x\n"})
    assert prove(settled.context, plain) == "#2: nothing to prove: mine is no environment's branch"


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
