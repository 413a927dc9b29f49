"""Pull requests on GitHub: what is asked for, and what is made of the answers."""

from collections.abc import Mapping
from typing import Any

import pytest

from gitops import forge
from gitops.forge import Pull
from gitops.forges.github import GitHub
from gitops.settings import Refused
from tests.gitops.server import Answer, serve

REPOSITORY = "/repos/octocat/flights"
MARKER = "<!-- review -->"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "of-nobody")


def found(**changes: Any) -> dict[str, Any]:
    """A pull request as GitHub tells it."""
    side = {"sha": "c" * 40, "repo": {"full_name": "octocat/flights"}}
    about: dict[str, Any] = {
        "number": 7,
        "title": "Title",
        "body": "Text",
        "state": "open",
        "merged_at": None,
        "html_url": "https://github.com/octocat/flights/pull/7",
        "user": {"login": "octocat"},
        "head": side | {"ref": "promote"},
        "base": side | {"ref": "uat"},
    }
    return about | changes


PULL = Pull(
    number=7,
    title="Title",
    body="Text",
    head="promote",
    commit="c" * 40,
    base="uat",
    url="https://github.com/octocat/flights/pull/7",
    state="open",
    fork=False,
    author="octocat",
)


def head(repository: Mapping[str, str] | None) -> dict[str, Any]:
    return {"ref": "promote", "sha": "c" * 40, "repo": repository}


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({}, "state", "open"),
        ({"state": "closed"}, "state", "closed"),
        ({"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}, "state", "merged"),
        ({"body": None}, "body", ""),
        ({"user": None}, "author", "ghost"),
        ({"head": head({"full_name": "stranger/flights"})}, "fork", True),
        ({"head": head(None)}, "fork", True),
    ],
)
def test_one_is_told_as_it_is(changes: Mapping[str, Any], key: str, value: object) -> None:
    with serve(Answer(200, found(**changes))) as server:
        pull = GitHub("octocat", "flights", server.url).pull(7)
    assert server.lines == [f"GET {REPOSITORY}/pulls/7"]
    assert pull == Pull(**{**vars(PULL), key: value})


def test_open_ones_by_their_branches() -> None:
    # An owner's fork of its own repository: the same name before the branch.
    fork = found(number=6, head=head({"full_name": "octocat/flights-2"}))
    with serve(Answer(200, [fork, found()])) as server:
        assert GitHub("octocat", "flights", server.url).pulls(head="promote", base="uat") == [PULL]
    assert server.lines == [f"GET {REPOSITORY}/pulls"]
    query = {"state": "open", "head": "octocat:promote", "base": "uat"}
    assert query.items() <= server.asked[0].query.items()


def test_opening_one() -> None:
    with serve(Answer(200, []), Answer(201, found())) as server:
        pull = GitHub("octocat", "flights", server.url).open("promote", "uat", "Title", "Text")
    assert pull == PULL
    assert server.lines == [f"GET {REPOSITORY}/pulls", f"POST {REPOSITORY}/pulls"]
    assert server.asked[1].body == {
        "head": "promote",
        "base": "uat",
        "title": "Title",
        "body": "Text",
    }


def test_opening_one_that_is_open_changes_its_text() -> None:
    with serve(Answer(200, [found()]), Answer(200, found(title="New"))) as server:
        pull = GitHub("octocat", "flights", server.url).open("promote", "uat", "New", "Text")
    assert pull.title == "New"
    assert server.lines[1:] == [f"PATCH {REPOSITORY}/pulls/7"]
    assert server.asked[1].body == {"title": "New", "body": "Text"}


def test_opening_one_that_is_open_and_the_same_changes_nothing() -> None:
    with serve(Answer(200, [found()])) as server:
        pull = GitHub("octocat", "flights", server.url).open("promote", "uat", "Title", "Text")
    assert pull == PULL
    assert len(server.asked) == 1


def note(body: str, **about: Any) -> dict[str, Any]:
    return {"id": 3, "body": body, "user": {"type": "Bot"}, "author_association": "NONE"} | about


OUTSIDER = {"user": {"type": "User"}}
MEMBER = OUTSIDER | {"author_association": "MEMBER"}


@pytest.mark.parametrize(
    ("there", "line"),
    [
        ([], f"POST {REPOSITORY}/issues/7/comments"),
        ([note("Looks good")], f"POST {REPOSITORY}/issues/7/comments"),
        ([note(f"> {MARKER}\nquoted")], f"POST {REPOSITORY}/issues/7/comments"),
        # Whoever wrote the marker first could change the report afterwards, under their name.
        ([note(f"{MARKER}\nold", **OUTSIDER)], f"POST {REPOSITORY}/issues/7/comments"),
        ([note("Looks good"), note(f"{MARKER}\nold")], f"PATCH {REPOSITORY}/issues/comments/3"),
        ([note(f"{MARKER}\nold", **MEMBER)], f"PATCH {REPOSITORY}/issues/comments/3"),
    ],
)
def test_one_comment_for_each_marker(there: list[dict[str, Any]], line: str) -> None:
    with serve(Answer(200, there), Answer(201, {})) as server:
        GitHub("octocat", "flights", server.url).comment(7, MARKER, "new")
    assert server.lines == [f"GET {REPOSITORY}/issues/7/comments", line]
    assert server.asked[1].body == {"body": f"{MARKER}\nnew"}


def test_a_comment_that_says_the_same_is_left_alone() -> None:
    with serve(Answer(200, [note(f"{MARKER}\nold")])) as server:
        GitHub("octocat", "flights", server.url).comment(7, MARKER, "old")
    assert len(server.asked) == 1


def test_a_long_comment_is_cut() -> None:
    with serve(Answer(200, []), Answer(201, {})) as server:
        GitHub("octocat", "flights", server.url).comment(7, MARKER, "line\n" * 20_000)
    said = server.asked[1].body["body"]
    assert len(said) <= forge.LIMIT
    assert said.startswith(f"{MARKER}\n**Cut")


def test_closing_says_why_first() -> None:
    answers = [Answer(200, found()), Answer(200, []), Answer(201, {}), Answer(200, found())]
    with serve(*answers) as server:
        GitHub("octocat", "flights", server.url).close(7, "Its target moved.")
    assert server.lines == [
        f"GET {REPOSITORY}/pulls/7",
        f"GET {REPOSITORY}/issues/7/comments",
        f"POST {REPOSITORY}/issues/7/comments",
        f"PATCH {REPOSITORY}/pulls/7",
    ]
    assert "Its target moved." in server.asked[2].body["body"]
    assert server.asked[3].body == {"state": "closed"}


def test_closing_one_that_is_not_open_does_nothing() -> None:
    with serve(Answer(200, found(state="closed"))) as server:
        GitHub("octocat", "flights", server.url).close(7, "Its target moved.")
    assert len(server.asked) == 1


def test_starting_a_workflow() -> None:
    with serve(Answer(204)) as server:
        GitHub("octocat", "flights", server.url).dispatch("deliver.yml", "dev", {"commit": "c"})
    assert server.lines == [f"POST {REPOSITORY}/actions/workflows/deliver.yml/dispatches"]
    assert server.asked[0].body == {"ref": "dev", "inputs": {"commit": "c"}}


@pytest.mark.parametrize(("passed", "state"), [(True, "success"), (False, "failure")])
def test_vouching_for_a_commit(passed: bool, state: str) -> None:
    url = "https://github.com/octocat/flights/actions/runs/3"
    with serve(Answer(201, {})) as server:
        GitHub("octocat", "flights", server.url).vouch("c" * 40, "proof", url, passed=passed)
    assert server.lines == [f"POST {REPOSITORY}/statuses/{'c' * 40}"]
    said = server.asked[0].body
    assert (said["state"], said["context"], said["target_url"]) == (state, "proof", url)


def test_who_may_not_vouch_is_told_what_it_takes() -> None:
    with (
        serve(Answer(403, {"message": "Resource not accessible by integration"})) as server,
        pytest.raises(Refused, match=r"the status of c{12}: .*needs statuses: write"),
    ):
        GitHub("octocat", "flights", server.url).vouch("c" * 40, "proof", "", passed=True)
