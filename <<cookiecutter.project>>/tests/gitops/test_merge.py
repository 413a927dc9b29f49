"""Merging makes what GitHub makes: the tree of both sides, by merge, squash or rebase."""

from pathlib import Path

import pytest

from gitops.forge import Pull
from gitops.forges import merge
from gitops.git import Repository
from gitops.settings import Refused
from tests.gitops.repositories import commit, forge_of
from tests.projects import succeed

WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Merging"), ("EMAIL", "merging@localhost"))
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return forge_of(tmp_path)


def branch(repository: Repository, name: str, *changes: dict[str, str], start: str = "dev") -> str:
    succeed(
        "git", "push", "--quiet", "origin", f"origin/{start}:refs/heads/{name}", cwd=repository.path
    )
    return [commit(repository, name, **change) for change in changes][-1]


def asked(head: str) -> Pull:
    return Pull(
        number=7,
        title="Learn slower",
        body="",
        head="try",
        commit=head,
        base="dev",
        url="",
        state="open",
        fork=False,
        author="Test",
    )


def parents(repository: Repository, made: str) -> list[str]:
    return repository.git("rev-list", "--parents", "--max-count=1", made).split()[1:]


@pytest.mark.parametrize("how", merge.WAYS)
def test_both_sides_are_in_the_tree(repository: Repository, how: str) -> None:
    head = branch(repository, "try", {"a.txt": "1"}, {"b.txt": "2"})
    base = commit(repository, "dev", **{"c.txt": "3"})
    made = merge.commit(repository, asked(head), base, how, WHO)
    assert repository.tree(made) == repository.merged(base, head)
    assert {"a.txt", "b.txt", "c.txt"} <= set(repository.entries(made))


@pytest.mark.parametrize("how", merge.WAYS)
def test_a_head_on_the_base_arrives_at_its_own_tree(repository: Repository, how: str) -> None:
    head = branch(repository, "try", {"a.txt": "1"})
    base = repository.commit("origin/dev")
    made = merge.commit(repository, asked(head), base, how, WHO)
    assert repository.tree(made) == repository.tree(head)
    assert made != head


def test_a_merge_commit_has_both_as_parents(repository: Repository) -> None:
    head = branch(repository, "try", {"a.txt": "1"})
    base = repository.commit("origin/dev")
    made = merge.commit(repository, asked(head), base, "merge", WHO)
    assert parents(repository, made) == [base, head]
    assert repository.message(made) == "Merge pull request #7 from try\n\nLearn slower\n"


def test_a_squash_is_one_commit_that_tells_all(repository: Repository) -> None:
    head = branch(repository, "try", {"a.txt": "1"}, {"b.txt": "2"})
    base = repository.commit("origin/dev")
    made = merge.commit(repository, asked(head), base, "squash", WHO)
    assert parents(repository, made) == [base]
    assert repository.message(made) == ("Learn slower (#7)\n\n* Change a.txt\n\n* Change b.txt\n")


def test_a_squash_of_one_commit_keeps_its_trailers(repository: Repository) -> None:
    base = repository.commit("origin/dev")
    tree = repository.tree(branch(repository, "try", {"a.txt": "1"}))
    head = repository.write_commit(tree, base, "Promote abc\n\nSource: abc\n")
    made = merge.commit(repository, asked(head), base, "squash", WHO)
    assert repository.message(made) == "Promote abc (#7)\n\nSource: abc\n"


def test_a_rebase_replays_each_commit_and_keeps_its_author(repository: Repository) -> None:
    head = branch(repository, "try", {"a.txt": "1"}, {"a.txt": "2", "b.txt": "2"})
    base = commit(repository, "dev", **{"c.txt": "3"})
    made = merge.commit(repository, asked(head), base, "rebase", WHO)
    told = repository.git("log", "--format=%an %cn %s", f"{base}..{made}").splitlines()
    assert told == ["Test Merging Change a.txt, b.txt", "Test Merging Change a.txt"]


def test_a_rebase_leaves_out_what_the_base_has_and_merges(repository: Repository) -> None:
    branch(repository, "try", {"a.txt": "1"}, {"b.txt": "2"})
    commit(repository, "dev", **{"a.txt": "1"})
    base = commit(repository, "dev", **{"c.txt": "3"})
    succeed("git", "switch", "--quiet", "try", cwd=repository.path)
    succeed("git", "merge", "--quiet", "--no-edit", "origin/dev", cwd=repository.path)
    head = repository.commit("HEAD")
    made = merge.commit(repository, asked(head), base, "rebase", WHO)
    told = repository.git("log", "--format=%s", f"{base}..{made}").splitlines()
    assert told == ["Change b.txt"]
    assert repository.tree(made) == repository.tree(head)


def test_a_rebase_that_brings_nothing_is_refused(repository: Repository) -> None:
    head = branch(repository, "try", {"a.txt": "1"})
    base = commit(repository, "dev", **{"a.txt": "1", "c.txt": "3"})
    with pytest.raises(Refused, match="#7: brings nothing that dev has not; close it"):
        merge.commit(repository, asked(head), base, "rebase", WHO)


@pytest.mark.parametrize("how", merge.WAYS)
def test_a_conflict_is_refused(repository: Repository, how: str) -> None:
    head = branch(repository, "try", {"a.txt": "1"}, {"a.txt": "2"})
    base = commit(repository, "dev", **{"a.txt": "3"})
    with pytest.raises(Refused, match="#7: try conflicts with dev; merge dev into try"):
        merge.commit(repository, asked(head), base, how, WHO)


def test_another_way_is_refused(repository: Repository) -> None:
    base = repository.commit("origin/dev")
    with pytest.raises(Refused, match="'octopus': no way to merge; there are merge, squash, reb"):
        merge.commit(repository, asked(base), base, "octopus", WHO)
