"""Which tree may run where. The stories of what is refused on arrival are in test_deploy.py."""

import pytest

from gitops.admission import admitted
from gitops.promote import waive
from gitops.settings import Refused
from tests.gitops.stories import Story


def test_each_environment_demands_the_one_before(story: Story) -> None:
    release = story.released(1)
    environments = story.context.environments
    assert admitted(story.context, story.journal, environments["dev"], release.tree) == release
    for name in ("uat", "prod"):
        with pytest.raises(Refused, match=f"{name}: release {release.name} was never healthy"):
            admitted(story.context, story.journal, environments[name], release.tree)
    story.deploy("dev")
    assert admitted(story.context, story.journal, environments["uat"], release.tree) == release
    with pytest.raises(Refused, match="never healthy in uat"):
        admitted(story.context, story.journal, environments["prod"], release.tree)


def test_it_stays_admitted_when_something_newer_runs(settled: Story) -> None:
    old = settled.runs("dev")
    settled.through(2, "dev")
    for name in ("uat", "prod"):
        assert admitted(settled.context, settled.journal, settled.at(name), old.tree) == old


def test_a_hotfix_passes_what_its_record_says_and_nothing_else(settled: Story) -> None:
    made = settled.trained(2, "main")
    release = settled.recorded(made, 2, skipped=("dev",))
    assert admitted(settled.context, settled.journal, settled.at("uat"), release.tree) == release
    with pytest.raises(Refused, match="never healthy in uat"):
        admitted(settled.context, settled.journal, settled.at("prod"), release.tree)


def test_force_holds_for_one_release_in_one_environment(settled: Story) -> None:
    release, other = settled.released(2), settled.released(3)
    waive(settled.context, settled.journal, settled.at("prod"), release)
    known = settled.journal
    assert admitted(settled.context, known, settled.at("prod"), release.tree) == release
    for name, tree in (("uat", release.tree), ("prod", other.tree)):
        with pytest.raises(Refused, match="never healthy"):
            admitted(settled.context, known, settled.at(name), tree)
