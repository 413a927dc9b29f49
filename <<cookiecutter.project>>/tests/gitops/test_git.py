"""Refs and trees as they are: exact bytes, exact names, and one winner where two write."""

import os
import threading
from pathlib import Path

import pytest

from gitops.git import Repository, Tag, Taken, find
from gitops.settings import Refused
from tests.gitops.repositories import BRANCHES, add_release, clone_of, commit, forge_of
from tests.projects import succeed

ODD = [
    "plain",
    "with space",
    "quo\"te's",
    "new\nline",
    "return\rline\r\n",
    "tab\t",
    "ümläut",
    "日本/語",
    "*?[a]",
    ":(top)x",
    "-dash",
    "back\\slash",
    os.fsdecode(b"not \xff utf-8"),
]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return forge_of(tmp_path)


@pytest.fixture
def other(repository: Repository) -> Repository:
    return clone_of(repository, "other")


def hook(repository: Repository, name: str, text: str) -> Path:
    path = Path(repository.url) / "hooks" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def branch_at(repository: Repository, tree: str, message: str = "one") -> str:
    """A commit of a tree on dev, in this clone alone."""
    return repository.write_commit(tree, repository.commit("origin/dev"), message)


def test_the_repository_is_found_from_a_folder_in_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.path / "environments")
    assert find() == repository
    succeed("git", "remote", "rename", "origin", "rehearsal", cwd=repository.path)
    assert find() == Repository(repository.path, "rehearsal")
    with pytest.raises(Refused, match=r"^no git remote 'origin': add one"):
        find("origin")


def test_a_folder_without_a_repository_or_a_remote_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused, match=f"^{tmp_path}: fatal: not a git repository .*root$"):
        find()
    succeed("git", "init", "--quiet", cwd=tmp_path)
    with pytest.raises(
        Refused, match=r"^no git remote 'origin' or 'rehearsal': add one .*`make re"
    ):
        find()


@pytest.mark.parametrize("ref", ["absent", "", "--all", "-h", "HEAD~5", "dev:absent", "a b", "^"])
def test_what_is_no_commit_or_tree_is_refused(repository: Repository, ref: str) -> None:
    with pytest.raises(Refused, match="no such commit here; fetch it, or correct the name"):
        repository.commit(ref)
    with pytest.raises(Refused, match="no such tree here"):
        repository.tree(ref)
    assert repository.tip(ref) is None


def test_a_file_comes_as_it_is(repository: Repository) -> None:
    data = bytes(range(256)) + b"\r\n"
    (repository.path / "data").write_bytes(data)
    made = commit(repository, "dev", other="text")

    assert repository.file(made, "data") == data
    assert repository.file(made, "absent") is None
    assert repository.file(made, "environments") is None


def test_a_file_whose_content_is_not_here_is_not_taken_for_absent(repository: Repository) -> None:
    made = commit(repository, "dev", new="text")
    blob = repository.entries(made, "new")["new"]
    (repository.path / ".git/objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(Refused, match=f"^new of {made[:12]}: its content is not in this clone"):
        repository.file(made, "new")


def test_names_of_files_come_as_they_are(repository: Repository) -> None:
    before = repository.tree("origin/dev")
    for name in ODD:
        (repository.path / name).parent.mkdir(exist_ok=True)
        (repository.path / name).write_text(name.replace("\udcff", ""))
    made = commit(repository, "dev", last="text")

    assert set(repository.differing(before, made)) == {*ODD, "last"}
    entries = repository.entries(made)
    assert {*ODD, "last"} < entries.keys()
    for name in ODD:
        assert repository.entries(made, name) == {name: entries[name]}
        assert repository.file(made, name) == name.replace("\udcff", "").encode()
    assert repository.differing(made, made) == []


def test_entries_are_those_of_the_paths_that_are_asked_for(repository: Repository) -> None:
    made = commit(repository, "dev", **{"environments/x": "a", "environmentsx": "b"})

    assert len(repository.entries(made, "environments")) == 4
    assert set(repository.entries(made, "environmentsx", "absent")) == {"environmentsx"}


def test_a_merge_is_foreseen_without_being_made(repository: Repository) -> None:
    base = repository.commit("origin/uat")
    one = commit(repository, "dev", same="one", mine="1")
    two = commit(repository, "uat", theirs="2")
    both = commit(repository, "main", same="two")
    status = succeed("git", "status", "--porcelain", cwd=repository.path)

    tree = repository.merged(two, one)
    assert tree is not None
    assert set(repository.differing(repository.tree(base), tree)) == {"same", "mine", "theirs"}
    assert repository.merged(both, one) is None
    assert repository.merged(base, one) == repository.tree(one)
    assert succeed("git", "status", "--porcelain", cwd=repository.path) == status
    for pair in (("absent", one), (one, "absent")):
        with pytest.raises(Refused, match=r"^'absent': no such commit here"):
            repository.merged(*pair)


def test_a_commit_has_exactly_the_tree_and_one_parent(repository: Repository) -> None:
    wanted = repository.tree(commit(repository, "dev", new="file"))
    parent = commit(repository, "main", hotfix="this")
    message = "Promote: ü\n\nSource: x\n"
    made = repository.write_commit(wanted, parent, message)

    assert repository.tree(made) == wanted
    assert repository.git("rev-list", "--parents", "-1", made).split() == [made, parent]
    assert repository.message(made) == message
    assert repository.is_ancestor(parent, made)
    assert not repository.is_ancestor(made, parent)


def test_one_file_of_a_tree_is_replaced_and_nothing_else(repository: Repository) -> None:
    before = repository.tree("HEAD")
    after = repository.with_file(before, "deep/er/new file", "ü\r\n")

    assert repository.differing(before, after) == ["deep/er/new file"]
    assert repository.file(after, "deep/er/new file") == "ü\r\n".encode()
    changed = repository.with_file(after, "deep/er/new file", "")
    assert repository.file(changed, "deep/er/new file") == b""
    assert succeed("git", "status", "--porcelain", cwd=repository.path) == ""


def test_a_checkout_is_gone_afterwards_also_when_it_fails(repository: Repository) -> None:
    made = commit(repository, "dev", new="file")
    with pytest.raises(ZeroDivisionError), repository.checkout(made) as folder:  # noqa: PT012
        assert (folder / "new").read_text() == "file"
        raise ZeroDivisionError

    assert not folder.exists()
    assert len(repository.git("worktree", "list", "--porcelain").split("\n\n")) == 2


def test_a_fetch_brings_what_is_new_and_drops_what_is_gone(
    repository: Repository, other: Repository
) -> None:
    new = commit(repository, "dev", new="file")
    release, held = add_release(repository, new)
    for ref in ("refs/heads/extra", "refs/tags/v1", "refs/tags/releases/x"):
        repository.push(new, ref)
    other.fetch()

    assert [other.tip(name) for name in ("dev", "extra", "absent")] == [new, new, None]
    assert [tag for tag, _ in other.tags()] == [Tag(f"release/{release.name}", held, new, "commit")]
    assert "v1" not in other.git("tag", "--list").split()

    repository.git("push", "origin", ":refs/heads/extra", f":refs/tags/release/{release.name}")
    other.fetch()
    assert other.tip("extra") is None
    assert list(other.tags()) == []


def test_a_record_that_nobody_pushed_does_not_count(repository: Repository) -> None:
    head = repository.commit("HEAD")
    repository.git("tag", "--annotate", "--message", "{}", "release/x", head)
    assert len(list(repository.tags())) == 1

    repository.fetch()
    assert list(repository.tags()) == []


def test_a_message_comes_as_it_was_written(repository: Repository) -> None:
    text = '{"a":\n\n "ü\\u0000\\n",\t"b": 1}\n-----BEGIN\n'
    head = repository.commit("HEAD")
    repository.push(repository.write_tag("release/x", head, "commit", text), "refs/tags/release/x")
    repository.push(head, "refs/tags/release/light")
    repository.fetch()
    (light, _), (annotated, message) = repository.tags()

    assert message.strip() == text.strip()
    assert (annotated.object, annotated.kind) == (head, "commit")
    assert (light.id, light.object, light.kind) == (head, head, "")


def test_many_fetches_at_once_in_one_clone_all_end_well(
    repository: Repository, other: Repository
) -> None:
    for number in range(3):
        new = commit(repository, "dev", number=str(number))
        add_release(repository, new)
        failed: list[Exception] = []
        workers = [threading.Thread(target=attempt, args=(other.fetch, failed)) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert failed == []
        assert other.tip("dev") == new


def attempt(action: object, failed: list[Exception]) -> None:
    try:
        action()  # type: ignore[operator]
    except Exception as error:
        failed.append(error)


def test_a_shallow_clone_is_refused(repository: Repository, tmp_path: Path) -> None:
    path = tmp_path / "shallow"
    commit(repository, "dev", new="file")
    succeed("git", "clone", "--quiet", "--depth=1", f"file://{repository.url}", str(path),
            cwd=tmp_path)  # fmt: skip
    with pytest.raises(Refused, match=r"^this clone is shallow, .*`git fetch --unshallow`"):
        Repository(path, "origin").fetch()


def test_a_remote_that_is_gone_is_refused_in_one_line(repository: Repository) -> None:
    Path(repository.url).rename(repository.path / "moved.git")
    with pytest.raises(Refused, match=r"^git fetch: fatal: .* does not appear to be a git") as one:
        repository.fetch()
    assert len(str(one.value).splitlines()) == 1
    with pytest.raises(Refused, match="does not appear to be a git repository"):
        repository.push(repository.commit("HEAD"), "refs/heads/new")


def test_a_ref_is_written_only_as_it_was_known(repository: Repository, other: Repository) -> None:
    tree, first = repository.tree("HEAD"), repository.commit("origin/dev")
    mine, theirs = branch_at(repository, tree), branch_at(other, tree, "two")
    other.push(theirs, "refs/heads/dev", first)
    assert repository.at_remote("refs/heads/dev") == theirs

    for expected in (first, None, "0" * 40):
        with pytest.raises(Taken, match=r"^refs/heads/dev$"):
            repository.push(mine, "refs/heads/dev", expected)
    repository.fetch()
    repository.push(mine, "refs/heads/dev", theirs)
    assert repository.at_remote("refs/heads/dev") == mine
    with pytest.raises(Taken):
        other.push(theirs, "refs/heads/gone", first)


def test_what_is_there_already_as_wanted_is_well(repository: Repository) -> None:
    head = repository.commit("HEAD")
    repository.push(head, "refs/heads/new")
    repository.push(head, "refs/heads/new")


def test_of_many_that_push_at_once_one_wins(repository: Repository) -> None:
    head = repository.commit("HEAD")
    clones = [clone_of(repository, f"clone{number}") for number in range(4)]
    tags = [one.write_tag("deploy/dev/1", head, "commit", one.path.name) for one in clones]
    assert len(set(tags)) == 4
    failed: list[Exception] = []
    barrier = threading.Barrier(4)

    def race(clone: Repository, tag: str) -> None:
        barrier.wait()
        attempt(lambda: clone.push(tag, "refs/tags/deploy/dev/1"), failed)

    workers = [threading.Thread(target=race, args=pair) for pair in zip(clones, tags, strict=True)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [type(error) for error in failed] == [Taken] * 3
    assert repository.at_remote("refs/tags/deploy/dev/1") in tags


@pytest.mark.parametrize("words", ["not today", "it already exists, cannot lock ref, stale info"])
def test_a_remote_that_says_no_is_refused_with_its_reason(
    repository: Repository, words: str
) -> None:
    hook(repository, "pre-receive", f"echo '{words}' >&2; exit 1")
    status = r"\[remote rejected\] \(pre-receive hook declined\)"
    with pytest.raises(
        Refused, match=rf"^origin .* refs/heads/new: {status}, remote: {words}; see"
    ):
        repository.push(repository.commit("HEAD"), "refs/heads/new")


def test_an_answer_that_is_lost_on_its_way_is_asked_for_again(repository: Repository) -> None:
    head = repository.commit("HEAD")
    # Ends the server's side when the ref is written, before it says so.
    hook(repository, "reference-transaction", 'test "$1" != committed || kill -9 $PPID')
    repository.push(head, "refs/heads/new")

    assert repository.at_remote("refs/heads/new") == head


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_url_of_the_remote_is_known(repository: Repository, branch: str) -> None:
    assert repository.url.endswith("/origin.git")
    assert repository.tip(branch) == repository.commit("HEAD")


def test_a_remote_of_that_name_that_is_not_there_is_refused(repository: Repository) -> None:
    with pytest.raises(Refused, match=r"^git remote: error: No such remote 'upstream'$"):
        assert Repository(repository.path, "upstream").url
