"""The journal believes a record that hangs in its chain, and says what is wrong with any other."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops import journal
from gitops.git import Repository
from gitops.journal import Journal
from gitops.records import Release, Waiver
from gitops.settings import Refused
from tests.gitops.repositories import (
    WHEN,
    add_deployment,
    add_intent,
    add_outcome,
    add_release,
    clone_of,
    commit,
    fill,
    forge_of,
    intent_of,
    json_of,
    outcome_of,
    release_of,
    tag,
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return forge_of(tmp_path)


@pytest.fixture
def released(repository: Repository) -> tuple[Release, str]:
    """A release of dev's tip, and its tag's object."""
    return add_release(repository, commit(repository, "dev", model="one"))


def delete(repository: Repository, *names: str) -> None:
    repository.git("push", "--quiet", "origin", *(f":refs/tags/{name}" for name in names))
    repository.fetch()


def replace(repository: Repository, name: str, object_: str, kind: str, text: str) -> str:
    delete(repository, name)
    return tag(repository, name, object_, kind, text)


def bring_back(repository: Repository, known: Journal) -> Journal:
    for name, object_ in known.lost.items():
        repository.push(object_, f"refs/tags/{name}")
    repository.fetch()
    return journal.read(repository)


def is_whole(known: Journal) -> bool:
    return not known.damaged and not known.lost


def test_nothing_is_told_where_nothing_was_released(repository: Repository) -> None:
    known = journal.read(repository)

    assert is_whole(known)
    assert (known.releases, known.current("dev"), known.pending("dev")) == ({}, None, None)
    with pytest.raises(Refused, match=r"^'x': no such release; `make releases` .*\(none yet\)$"):
        known.release("x")


def test_the_story_is_read_as_it_was_told(repository: Repository) -> None:
    one, one_tag = add_release(repository, commit(repository, "dev", model="one"))
    two, two_tag = add_release(repository, commit(repository, "dev", model="two"))
    add_deployment(repository, one, one_tag, "dev", 1)
    add_deployment(repository, two, two_tag, "dev", 2)
    intent, claimed = add_intent(repository, one, one_tag, "dev", 10)
    add_outcome(repository, one, intent, claimed, result="failed", reason="no", evidence=None)
    add_intent(repository, two, two_tag, "dev", 11)
    add_deployment(repository, one, one_tag, "uat", 1)
    known = journal.read(repository)

    assert is_whole(known)
    assert known.releases == {one.tree: one, two.tree: two}
    assert known.tags == {one.tree: one_tag, two.tree: two_tag}
    assert [one.intent.number for one in known.deployments["dev"]] == [1, 2, 10, 11]
    assert known.numbers == {"dev": 11, "uat": 1}
    current, pending = known.current("dev"), known.pending("dev")
    assert current is not None
    assert (current.intent.number, current.release) == (2, two_tag)
    assert pending is not None
    assert pending.intent.number == 11
    assert known.pending("uat") is None
    assert known.current("prod") is None
    assert known.was_healthy("dev", one.tree)
    assert known.was_healthy("uat", one.tree)
    assert not known.was_healthy("uat", two.tree)


def test_a_release_is_found_by_its_tree_its_digits_or_its_tag(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, _ = released
    known = journal.read(repository)
    for name in (release.tree, release.name, f"release/{release.name}", release.tree[:5],
                 f"refs/tags/release/{release.name}"):  # fmt: skip
        assert known.release(name) == release
    for name in ("", "release/", "zzz", release.tree + "0", release.tree[:-1] + "z"):
        with pytest.raises(Refused, match=rf"no such release; .*\({release.name}\)$"):
            known.release(name)
    known.releases["0" * 40] = release
    known.releases["01" * 20] = release
    with pytest.raises(Refused, match=r"^'0': names several releases"):
        known.release("0")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda record: "", "Invalid JSON"),
        (lambda record: "not JSON", "Invalid JSON"),
        (lambda record: json.dumps(record)[:-5], "Invalid JSON"),
        (lambda record: "[]", "Input should be an object"),
        (lambda record: json.dumps(record | {"more": 1}), "more: unknown key"),
        (lambda record: json.dumps(record | {"schema": 2}), "schema = 2: Input should be 1"),
        (lambda record: json.dumps(record | {"created": 1}), "created = 1: "),
    ],
)
def test_a_record_that_is_damaged_is_named_and_not_believed(
    repository: Repository,
    released: tuple[Release, str],
    change: Callable[[dict[str, object]], str],
    reason: str,
) -> None:
    release, held = released
    intent = intent_of(release, "dev", 1)
    text = change(json.loads(json_of(release)))
    name = f"release/{release.name}"
    replace(repository, name, release.commit, "commit", text)
    claimed = tag(repository, "deploy/dev/1", held, "tag", change(json.loads(json_of(intent))))
    outcome = change(json.loads(json_of(outcome_of(intent, release))))
    tag(repository, "deployed/dev/1", claimed, "tag", outcome)
    known = journal.read(repository)

    assert known.damaged.keys() == {name, "deploy/dev/1", "deployed/dev/1"}
    for damaged, why in known.damaged.items():
        assert why.startswith(f"{damaged}: ")
        assert reason in why
        assert why.endswith("; delete the tag and run `make reconcile`")
    assert (known.releases, known.current("dev"), known.numbers["dev"]) == ({}, None, 1)
    with pytest.raises(Refused, match=rf"^release/{release.name}: "):
        known.release(release.name)


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("release/{}", "commit", "is a tag without a record, not of a commit"),
        ("deploy/dev/1", "commit", "is a tag without a record, not of a tag"),
        ("forced/dev/x", "tree", "is a tag without a record, not of a tag"),
    ],
)
def test_a_lightweight_tag_is_no_record(
    repository: Repository, name: str, kind: str, reason: str
) -> None:
    commit_ = repository.commit("HEAD")
    name = name.format(repository.tree("HEAD")[:12])
    object_ = commit_ if kind == "commit" else repository.tree("HEAD")
    repository.push(object_, f"refs/tags/{name}")
    repository.fetch()

    assert reason in journal.read(repository).damaged[name]


def test_a_release_tag_on_something_else_is_no_record(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    name = f"release/{release.name}"
    for object_, kind in ((held, "tag"), (release.tree, "tree")):
        text = json_of(release.model_copy(update={"commit": object_}))
        replace(repository, name, object_, kind, text)
        known = journal.read(repository)

        assert f"{name}: not believed: is a tag of a {kind}, not of a commit" in known.damaged[name]
        assert known.releases == {}


def test_a_release_that_was_moved_or_says_another_tree_is_not_believed(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, _ = released
    elsewhere = repository.commit("origin/main")
    name = f"release/{release.name}"
    forged = [
        (elsewhere, release),
        (elsewhere, release.model_copy(update={"commit": elsewhere})),
        (release.commit, release_of(repository.tree(elsewhere), release.commit)),
        (release.commit, release.model_copy(update={"tree": release.name + "0" * 28})),
    ]
    for object_, record in forged:
        replace(repository, name, object_, "commit", json_of(record))
        known = journal.read(repository)

        assert known.damaged[name].startswith(f"{name}: not believed: it says tree {record.name}")
        assert known.releases == {}


def test_another_record_in_the_place_of_a_deployed_release_is_found(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    add_deployment(repository, release, held, "dev", 1)
    name = f"release/{release.name}"
    forged = json_of(release.model_copy(update={"by": "Mallory"}))
    other = replace(repository, name, release.commit, "commit", forged)
    known = journal.read(repository)

    assert "deploy/dev/1 was made from another record of that name" in known.damaged[name]
    assert (known.releases, known.lost) == ({}, {name: held})
    delete(repository, name)
    known = bring_back(repository, journal.read(repository))
    assert is_whole(known)
    assert known.tags == {release.tree: held}
    assert other not in known.tags.values()


@pytest.mark.parametrize("deployments", [1, 3])
def test_a_deleted_release_is_held_by_its_deployments(
    repository: Repository, released: tuple[Release, str], deployments: int
) -> None:
    release, held = released
    for number in range(deployments):
        add_deployment(repository, release, held, "dev", number + 1)
    before = journal.read(repository)
    name = f"release/{release.name}"
    delete(repository, name)
    known = journal.read(repository)

    assert (known.damaged, known.lost, known.releases) == ({}, {name: held}, {})
    with pytest.raises(Refused, match=rf"^{name}: was deleted; `make reconcile` brings it back"):
        known.release(release.name)
    assert bring_back(repository, known) == before


def test_a_deleted_intent_is_held_by_its_outcome_and_its_number_stays_used(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    add_deployment(repository, release, held, "dev", 1)
    add_deployment(repository, release, held, "dev", 2)
    before = journal.read(repository)
    claimed = before.deployments["dev"][1].tag
    delete(repository, "deploy/dev/2")
    known = journal.read(repository)

    assert known.lost == {"deploy/dev/2": claimed}
    assert known.damaged == {
        "deployed/dev/2": "deployed/dev/2: its intent deploy/dev/2 is not there"
    }
    assert known.numbers["dev"] == 2
    assert known.pending("dev") is None
    assert bring_back(repository, known) == before


def test_of_a_whole_chain_its_end_brings_back_the_rest(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    add_deployment(repository, release, held, "dev", 1)
    before = journal.read(repository)
    delete(repository, "deploy/dev/1", f"release/{release.name}")

    known = bring_back(repository, journal.read(repository))
    assert known.lost == {f"release/{release.name}": held}
    assert bring_back(repository, known) == before


def test_a_deleted_outcome_leaves_its_deployment_unfinished(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    add_deployment(repository, release, held, "dev", 1)
    delete(repository, "deployed/dev/1")
    known = journal.read(repository)

    assert is_whole(known)
    assert known.current("dev") is None
    assert known.pending("dev") is not None


def test_an_outcome_of_something_else_is_not_believed(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    intent, claimed = add_intent(repository, release, held, "dev", 1)
    add_intent(repository, release, held, "dev", 2)
    forged = [
        (held, outcome_of(intent, release)),  # hangs on the release
        (claimed, outcome_of(intent, release, number=2)),
        (claimed, outcome_of(intent, release, environment="uat")),
        (claimed, outcome_of(intent, release, tree="0" * 40)),
    ]
    for object_, outcome in forged:
        tag(repository, "deployed/dev/1", object_, "tag", json_of(outcome))
        known = journal.read(repository)
        assert "not believed: it is not the end of deploy/dev/1" in known.damaged["deployed/dev/1"]
        assert known.deployments["dev"][0].outcome is None
        assert known.lost == {}
        delete(repository, "deployed/dev/1")


def test_an_outcome_alone_brings_back_nothing_that_is_no_intent(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    outcome = outcome_of(intent_of(release, "dev", 1), release)
    tag(repository, "deployed/dev/1", held, "tag", json_of(outcome))
    known = journal.read(repository)

    assert known.lost == {}
    assert known.damaged.keys() == {"deployed/dev/1"}


def test_a_forged_intent_takes_no_release_with_it(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    add_deployment(repository, release, held, "dev", 1)
    odd = tag(repository, "v1", release.commit, "commit", json_of(release))
    text = json_of(intent_of(release, "dev", 2))
    tag(repository, "deploy/dev/2", odd, "tag", text)
    known = journal.read(repository)

    assert known.damaged.keys() == {"deploy/dev/2"}
    assert f"made from no record of release/{release.name}" in known.damaged["deploy/dev/2"]
    assert known.releases == {release.tree: release}
    assert [one.intent.number for one in known.deployments["dev"]] == [1]
    assert known.numbers["dev"] == 2
    delete(repository, f"release/{release.name}")
    assert journal.read(repository).lost == {f"release/{release.name}": held}


@pytest.mark.parametrize("name", ["deploy/dev/2", "deploy/uat/1", "deploy/dev/01", "deploy/dev/x"])
def test_an_intent_under_another_name_is_not_believed(
    repository: Repository, released: tuple[Release, str], name: str
) -> None:
    release, held = released
    tag(repository, name, held, "tag", json_of(intent_of(release, "dev", 1)))
    known = journal.read(repository)

    assert known.damaged == {name: f"{name}: not believed: its record has another name"}
    assert not any(known.deployments.values())


def test_a_waiver_counts_for_its_environment_and_tree(
    repository: Repository, released: tuple[Release, str]
) -> None:
    release, held = released
    waiver = Waiver(environment="prod", tree=release.tree, by="Test", created=WHEN)
    tag(repository, f"forced/prod/{release.name}", held, "tag", json_of(waiver))
    tag(repository, f"forced/uat/{release.name}", held, "tag", json_of(waiver))
    known = journal.read(repository)

    assert known.forced == {("prod", release.tree)}
    assert known.damaged.keys() == {f"forced/uat/{release.name}"}


def test_names_that_are_not_ours_are_left_alone(repository: Repository) -> None:
    head = repository.commit("HEAD")
    for name in ("v1", "releases/x", "deployments/dev/1"):
        repository.push(head, f"refs/tags/{name}")

    assert is_whole(journal.read(repository))


def test_a_repository_that_is_broken_is_refused(
    repository: Repository, released: tuple[Release, str]
) -> None:
    _, held = released
    path = repository.path / ".git/objects" / held[:2] / held[2:]
    path.unlink()

    with pytest.raises(Refused, match=r"^git for-each-ref: fatal: missing object"):
        journal.read(repository)


def test_a_long_story_is_read_whole_and_only_its_records_are_kept(repository: Repository) -> None:
    fill(repository, 1000, 3000)
    clone = clone_of(repository, "other")
    journal.read(repository)
    tracemalloc.start()
    known = journal.read(clone)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (len(known.releases), sum(map(len, known.deployments.values()))) == (1000, 3000)
    assert is_whole(known)
    # A record takes 1.8 kB, and its tag 0.4 while it is read; the texts, 0.6 each, go at once.
    assert peak < 7000 * 2400
