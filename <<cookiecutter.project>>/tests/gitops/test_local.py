"""The forge of this machine does what GitHub does, in files that a person can read."""

import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gitops import forge
from gitops.forges import local, merge
from gitops.forges.local import Dispatch, Local
from gitops.forges.remote import of as forge_of_remote
from gitops.settings import Refused
from tests.gitops.repositories import clone_of, commit, forge_of
from tests.projects import succeed

WORKFLOW = "on: {push: {}, workflow_dispatch: {inputs: {pull: {type: number}}}}\njobs: {}\n"


@pytest.fixture
def here(tmp_path: Path) -> Local:
    repository = forge_of(tmp_path)
    found = forge_of_remote(repository)
    assert isinstance(found, Local)
    return found


def branch(here: Local, name: str, **files: str) -> str:
    """Push a branch on top of dev, with files changed."""
    path = here.repository.path
    succeed("git", "push", "--quiet", "origin", f"origin/dev:refs/heads/{name}", cwd=path)
    return commit(here.repository, name, **(files or {f"{name}.txt": "new"}))


def ask(here: Local, head: str = "try", base: str = "dev", body: str = "Why.\n") -> forge.Pull:
    return here.open(head, base, "Learn slower", body)


def test_a_request_lies_beside_the_repository_as_files(here: Local, tmp_path: Path) -> None:
    tip = branch(here, "try")
    pull = ask(here)
    folder = tmp_path / "origin.forge/pulls/1"
    assert pull == forge.Pull(
        number=1,
        title="Learn slower",
        body="Why.\n",
        head="try",
        commit=tip,
        base="dev",
        url=str(folder),
        state="open",
        fork=False,
        author="Test",
    )
    here.comment(1, "<!-- review -->", "**Better.**\n")
    assert json.loads((folder / "pull.json").read_text())["title"] == "Learn slower"
    assert (folder / "body.md").read_text() == "Why.\n"
    assert (folder / "comments/review.md").read_text() == "**Better.**\n"


def test_another_clone_sees_the_same(here: Local) -> None:
    branch(here, "try")
    pull = ask(here)
    assert forge_of_remote(clone_of(here.repository, "second")).pull(1) == pull


def test_a_comment_of_the_same_marker_is_replaced(here: Local) -> None:
    branch(here, "try")
    pull = ask(here)
    here.comment(1, "<!-- review -->", "Worse.")
    here.comment(1, "<!-- review -->", "Better.")
    here.comment(1, "<!-- proof -->", "Proven.")
    comments = Path(pull.url) / "comments"
    said = {path.name: path.read_text() for path in comments.iterdir()}
    assert said == {"review.md": "Better.", "proof.md": "Proven."}


def test_its_commit_is_the_tip_at_the_time_of_asking(here: Local) -> None:
    first = branch(here, "try")
    ask(here)
    second = commit(here.repository, "try", **{"more.txt": "1"})
    assert here.pull(1).commit == second != first


def test_opening_again_renews_the_text(here: Local) -> None:
    branch(here, "try")
    first = ask(here)
    again = here.open("try", "dev", "Learn faster", "Because.\n")
    assert (again.number, again.title, again.body) == (1, "Learn faster", "Because.\n")
    assert again.author == first.author
    assert here.pulls() == [again]


def test_open_ones_are_listed_by_branch_oldest_first(here: Local) -> None:
    for name in ("one", "two", "three"):
        branch(here, name)
    numbers = [ask(here, *pair).number for pair in (("one", "dev"), ("two", "uat"), ("one", "uat"))]
    here.close(ask(here, "three").number, "Not now.")
    assert [pull.number for pull in here.pulls()] == numbers == [1, 2, 3]
    assert [pull.number for pull in here.pulls(base="uat")] == [2, 3]
    assert [pull.number for pull in here.pulls(head="one")] == [1, 3]
    assert [pull.number for pull in here.pulls(head="one", base="dev")] == [1]


def test_a_closed_one_stays_closed_and_says_why(here: Local) -> None:
    branch(here, "try")
    pull = ask(here)
    here.close(1, "dev has moved on.")
    here.close(1, "Once more.")
    assert here.pull(1).state == "closed"
    assert (Path(pull.url) / "comments/closed.md").read_text() == "dev has moved on."
    assert ask(here).number == 2


@pytest.mark.parametrize(
    ("head", "base", "why"),
    [
        ("try", "nowhere", "nowhere: the remote has no such branch; push it"),
        ("nowhere", "dev", "nowhere: the remote has no such branch; push it"),
        ("uat", "dev", "uat: has no commit that dev has not; there is nothing to merge"),
    ],
)
def test_what_cannot_be_merged_is_not_opened(here: Local, head: str, base: str, why: str) -> None:
    branch(here, "try")
    with pytest.raises(Refused, match=why):
        ask(here, head, base)
    assert here.pulls() == []


def test_an_unknown_number_is_refused(here: Local) -> None:
    for act in (
        here.pull,
        lambda number: here.comment(number, "<!-- a -->", ""),
        lambda number: here.close(number, ""),
    ):
        with pytest.raises(Refused, match="#9: no such pull request; `make pulls` lists the open"):
            act(9)


def test_what_was_vouched_for_lies_beside_the_requests(here: Local, tmp_path: Path) -> None:
    tip = branch(here, "try")
    for url, passed in (("file:///runs/1.log", True), ("file:///runs/2.log", False)):
        here.vouch(tip, "proof", url, passed=passed)
    folder = tmp_path / "origin.forge/statuses" / tip
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "proof": "failure file:///runs/2.log\n"
    }
    assert here.pulls() == []


def test_a_broken_file_is_named(here: Local) -> None:
    branch(here, "try")
    path = Path(ask(here).url) / "pull.json"
    path.write_text(path.read_text().replace('"open"', '"ajar"'))
    with pytest.raises(Refused, match=r"pulls/1/pull\.json: state = 'ajar': "):
        here.pulls()


def test_two_at_once_get_two_numbers(here: Local) -> None:
    names = [f"try{number}" for number in range(6)]
    for name in names:
        branch(here, name)
    together([partial(ask, here, name) for name in names])
    assert sorted(pull.head for pull in here.pulls()) == names
    assert [pull.number for pull in here.pulls()] == list(range(1, 7))


def test_the_same_one_twice_at_once_is_one(here: Local) -> None:
    branch(here, "try")
    together([lambda: ask(here)] * 4)
    assert len(here.pulls()) == 1


@pytest.mark.parametrize("how", merge.WAYS)
def test_merging_moves_the_base(here: Local, how: str) -> None:
    tip = branch(here, "try")
    pull = ask(here)
    made = here.merge(pull.number, how)
    assert here.tips()["dev"] == made
    assert here.remote.tree(made) == here.remote.tree(tip)
    assert here.pull(1) == forge.Pull(**{**vars(pull), "state": "merged"})
    told = here.remote.git("log", "--max-count=1", "--format=%cn <%ce>", made).strip()
    assert told == "Test <test@localhost>"


def test_a_merged_one_is_not_merged_again(here: Local) -> None:
    branch(here, "try")
    ask(here)
    made = here.merge(1, "squash")
    with pytest.raises(Refused, match="#1: is merged; only an open one can be merged"):
        here.merge(1, "squash")
    assert here.tips()["dev"] == made


def test_a_conflict_leaves_all_as_it_was(here: Local) -> None:
    branch(here, "try", **{"a.txt": "1"})
    ask(here)
    tip = commit(here.repository, "dev", **{"a.txt": "2"})
    with pytest.raises(Refused, match="#1: try conflicts with dev"):
        here.merge(1, "merge")
    assert (here.tips()["dev"], here.pull(1).state) == (tip, "open")


def test_of_two_merges_at_once_one_wins(here: Local) -> None:
    branch(here, "try")
    ask(here)
    made: list[str] = []
    refused: list[str] = []

    def attempt() -> None:
        try:
            made.append(Local(here.repository, here.folder.parent).merge(1, "squash"))
        except Refused as refusal:
            refused.append(str(refusal))

    together([attempt] * 3)
    assert made == [here.tips()["dev"]]
    assert refused == ["#1: is merged; only an open one can be merged"] * 2


def test_a_push_to_the_base_meanwhile_is_not_overwritten(
    here: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(here, "try")
    ask(here)
    real, pushed = merge.commit, []

    def slow(*words: object) -> str:
        made = real(*words)  # type: ignore[arg-type]
        pushed.append(commit(here.repository, "dev", **{"b.txt": "1"}))
        return made

    monkeypatch.setattr(merge, "commit", slow)
    with pytest.raises(Refused, match="#1: dev was moved while this was merged; merge it again"):
        here.merge(1, "merge")
    assert [here.tips()["dev"]] == pushed
    assert here.pull(1).state == "open"
    monkeypatch.undo()
    here.merge(1, "merge")
    assert here.remote.is_ancestor(pushed[0], "dev")


@pytest.mark.parametrize("how", merge.WAYS)
def test_one_killed_after_moving_the_base_is_merged(
    here: Local, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(here, "try")
    ask(here)
    real = Local.write

    def killed(self: Local, record: local.Record, body: str | None = None) -> None:
        if record.state == "merged":
            raise KeyboardInterrupt
        real(self, record, body)

    monkeypatch.setattr(Local, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        here.merge(1, how)
    monkeypatch.undo()
    assert here.pull(1).state == "merged"
    with pytest.raises(Refused, match="#1: is merged"):
        here.merge(1, how)


def test_branches_decide_too(here: Local) -> None:
    branch(here, "pushed")
    tip = branch(here, "deleted")
    ask(here, "pushed")
    ask(here, "deleted")
    git = here.repository.git
    git("push", "--quiet", "origin", "origin/pushed:dev", ":deleted")
    assert here.pull(1).state == "merged"
    assert (here.pull(2).state, here.pull(2).commit) == ("closed", tip)
    assert here.pulls() == []


def test_a_dispatch_waits_as_a_file(here: Local) -> None:
    tip = branch(here, "try", **{".github/workflows/check.yml": WORKFLOW})
    here.dispatch("check.yml", "try", {"pull": "1"})
    here.dispatch("check.yml", "try", {})
    waiting = [Dispatch.model_validate_json(p.read_text()) for p in sorted(here.queue.iterdir())]
    fixed = {"workflow": "check.yml", "ref": "try", "commit": tip}
    assert waiting == [Dispatch(**fixed, inputs={"pull": "1"}), Dispatch(**fixed, inputs={})]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("check.yml", "nowhere", {}), "check.yml: no branch 'nowhere' to run it on; push it"),
        (("none.yml", "try", {}), "none.yml: try has no such workflow that can be dispatched"),
        (("push.yml", "try", {}), "push.yml: try has no such workflow that can be dispatched"),
        (("check.yml", "try", {"all": "1"}), r"check.yml: takes no input 'all', but \['pull'\]"),
    ],
)
def test_what_github_would_not_start_is_refused(
    here: Local, words: tuple[str, str, dict[str, str]], why: str
) -> None:
    files = {"check.yml": WORKFLOW, "push.yml": "on: [push]\njobs: {}\n"}
    branch(here, "try", **{f".github/workflows/{name}": text for name, text in files.items()})
    with pytest.raises(Refused, match=why):
        here.dispatch(*words)
    assert not here.queue.exists()


def together(acts: list[Callable[[], object]]) -> None:
    """Run all at once, each in a thread of its own, and raise what any of them raised."""
    ready, raised = threading.Barrier(len(acts)), []

    def start(act: Callable[[], object]) -> None:
        try:
            ready.wait(10)
            act()
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=start, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
