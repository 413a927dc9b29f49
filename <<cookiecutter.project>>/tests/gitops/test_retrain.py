"""Retraining raises one number and trains what follows from it."""

import pytest

from gitops.bundle import LOCK
from gitops.release import make
from gitops.retrain import raised, retrain
from gitops.settings import Refused
from tests.gitops.stories import Story
from tests.gitops.tiny import lock_of, params_of
from tests.projects import ROOT


def test_only_until_is_raised() -> None:
    real = (ROOT / "params.yaml").read_text().replace("  until: 12  ", "  until: 9  ")
    changed = [
        pair
        for pair in zip(real.splitlines(), raised(real, 10).splitlines(), strict=True)
        if pair[0] != pair[1]
    ]
    assert len(changed) == 1
    assert changed[0][1] == changed[0][0].replace("until: 9 ", "until: 10 ")


@pytest.mark.parametrize("month", [1, 11])
def test_a_month_that_is_there_is_refused(month: int) -> None:
    with pytest.raises(Refused, match=rf"ingest\.until = 11: month {month} is in the data already"):
        raised(params_of(1, 11), month)


@pytest.mark.parametrize(
    "params", ["", "train:\n  until: 3\n", "ingest:\n  from: 1\n\ntrain:\n  until: 3\n"]
)
def test_nothing_of_another_block_is_raised(params: str) -> None:
    with pytest.raises(Refused, match=r"has no ingest\.until to raise"):
        raised(params, 12)


def test_remarks_and_empty_lines_belong_to_the_block() -> None:
    text = "ingest:  # data\n\n# a remark\n  from: 1\n  until: 3 # last\ntrain:\n  until: 5\n"
    assert raised(text, 4) == text.replace("until: 3", "until: 4")


def test_it_is_trained_and_proposed(settled: Story) -> None:
    pull = retrain(settled.context, 12)
    settled.repository.fetch()
    assert (pull.head, pull.base) == ("retrain/12", "dev")
    git = settled.repository
    assert git.differing(settled.tree("dev"), git.tree(pull.commit)) == [LOCK, "params.yaml"]
    assert git.file(pull.commit, "params.yaml") == params_of(1, 12).encode()
    assert git.file(pull.commit, LOCK) == lock_of(1, 12).encode()
    parents = git.git("rev-list", "--parents", "-1", pull.commit).split()[1:]
    assert parents == [settled.tip("dev")]
    assert len(list(settled.forge.queue.iterdir())) == 1
    # Merged, it is released without being trained again: its outputs are in the store.
    release = make(settled.context, settled.merge(pull))
    assert release.lock_sha256 != settled.runs("dev").lock_sha256


@pytest.mark.usefixtures("trainer")
def test_an_open_one_counts(settled: Story) -> None:
    """The monitor may call for the same month every day; people may have added to it."""
    first = retrain(settled.context, 12)
    settled.repository.fetch()
    settled.commit("retrain/12", **{"notes.md": "x\n"})
    again = retrain(settled.context, 12)
    assert again.number == first.number
    assert settled.repository.file(again.commit, "notes.md") == b"x\n"


def test_a_stage_that_fails_proposes_nothing(settled: Story) -> None:
    settled.commit(**{"train.py": "raise SystemExit('no data of month 12')\n"})
    with pytest.raises(Refused, match=r"dvc repro failed:\n(?s:.*)no data of month 12"):
        retrain(settled.context, 12)
    assert settled.forge.pulls() == []
    assert settled.repository.tip("retrain/12") is None
