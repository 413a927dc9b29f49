"""Changes that workflows make: trained once, in a folder of their own."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

from gitops import bundle, change
from gitops.bundle import LOCK, MODEL
from gitops.settings import Refused
from tests.gitops.stories import Story
from tests.gitops.tiny import lock_of, outputs_of, params_of


def trained(story: Story, commit: str, *, push: bool = True) -> str:
    with story.repository.checkout(commit) as folder:
        return change.train(story.context, folder, story.repository.tree(commit), push=push)


def test_what_has_no_lock_is_trained_and_stored(story: Story) -> None:
    commit = story.commit(**{"params.yaml": params_of(4)})
    assert trained(story, commit) == lock_of(4)
    assert story.stored(outputs_of(4)[MODEL])[1].read_bytes() == outputs_of(4)[MODEL]


def test_a_fork_stores_nothing(story: Story) -> None:
    commit = story.commit(**{"params.yaml": params_of(4)})
    assert trained(story, commit, push=False) == lock_of(4)
    assert not story.stores[1].exists()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that were run in the tree, each with what it said."""
    run, told = bundle.run, list[str]()

    def listening(folder: Path, *words: str, seconds: float) -> subprocess.CompletedProcess[str]:
        done = run(folder, *words, seconds=seconds)
        told.append(" ".join(words) + "\n" + done.stdout)
        return done

    monkeypatch.setattr(bundle, "run", listening)
    return told


def test_what_is_up_to_date_is_not_trained(story: Story, said: list[str]) -> None:
    assert trained(story, story.trained(1)) == lock_of(1)
    assert [line.partition("\n")[0] for line in said] == ["review.lock", "dvc pull --quiet"]


def test_a_lock_whose_outputs_are_nowhere_is_trained(story: Story, said: list[str]) -> None:
    commit = story.trained(1)
    for folder in story.stores:
        shutil.rmtree(folder)
    assert trained(story, commit) == lock_of(1)
    assert story.stored(outputs_of(1)[MODEL])[1].is_file()


def test_the_run_cache_knows_what_others_have_trained(story: Story, said: list[str]) -> None:
    """No lock names it, and the store has it."""
    commit = story.commit(**{"params.yaml": params_of(4)})
    for _ in range(2):
        assert trained(story, commit) == lock_of(4)
    ran = ["Running stage 'train'" in line for line in said if line.startswith("dvc repro")]
    assert ran == [True, False]


def test_a_stage_that_fails_says_its_last_words(story: Story) -> None:
    commit = story.commit(**{"train.py": "raise SystemExit('out of data')\n"})
    with pytest.raises(Refused, match=r"^dvc repro failed:\n(?s:.*)out of data"):
        trained(story, commit)


def test_a_store_that_takes_nothing(story: Story) -> None:
    commit = story.commit(**{"params.yaml": params_of(4)})
    story.stores[1].write_text("a file")
    with pytest.raises(Refused, match=r"dvc (repro|push) failed"):
        trained(story, commit)


def test_one_tree_is_trained_by_one_run_at_a_time(tmp_path: Path) -> None:
    with (tmp_path / "tree").open("w") as file:
        with (
            change.alone(tmp_path, "tree"),
            change.alone(tmp_path, "another"),
            pytest.raises(BlockingIOError),
        ):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # given back


def test_the_commit_changes_the_lock_alone(story: Story) -> None:
    tip = story.tip("dev")
    made = change.with_lock(story.context, tip, lock_of(1), "Bring it up to date")
    assert story.repository.differing(tip, made) == [LOCK]
    assert story.repository.file(made, LOCK) == lock_of(1).encode()
    assert story.repository.message(made) == "Bring it up to date\n"
    assert story.repository.git("rev-list", "--parents", "-1", made).split()[1:] == [tip]


def test_the_end_of_an_output() -> None:
    assert change.ending("\n".join(map(str, range(30)))) == "\n".join(map(str, range(20, 30)))
    assert change.ending("one\n\n") == "one"
