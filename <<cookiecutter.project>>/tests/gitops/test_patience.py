"""What GitHub refuses for now is asked again: as late as it says, as often as makes sense."""

import time

import pytest

from gitops.forges import patience, rest
from gitops.forges.github import GitHub
from gitops.settings import Refused
from tests.gitops.server import LOST, Answer, serve
from tests.gitops.test_github import found

LIST = "GET /repos/octocat/flights/pulls"
POST = "POST /repos/octocat/flights/pulls"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits: the pauses are written down."""
    monkeypatch.setenv("GH_TOKEN", "of-nobody")
    slept: list[float] = []
    monkeypatch.setattr(patience, "sleep", slept.append)
    return slept


@pytest.mark.parametrize("first", [Answer(502), Answer(503), Answer(504), LOST])
def test_what_passes_is_asked_again(first: Answer, pauses: list[float]) -> None:
    with serve(first, first, Answer(200, [])) as server:
        assert GitHub("octocat", "flights", server.url).pulls() == []
    assert server.lines == [LIST] * 3
    # Each pause is longer than the last, and not the same for everybody.
    assert 1 <= pauses[0] <= 2 <= pauses[1] <= 3


def test_it_gives_up(pauses: list[float]) -> None:
    with serve(*[Answer(502)] * 9) as server, pytest.raises(Refused, match="out of order"):
        GitHub("octocat", "flights", server.url).pulls()
    assert server.lines == [LIST] * patience.TRIES
    assert len(pauses) == patience.TRIES - 1


def limit(status: int, **headers: str) -> Answer:
    about = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"message": "You have exceeded a secondary rate limit"}, about)


def reset(seconds: int) -> str:
    return str(int(time.time()) + seconds)


@pytest.mark.parametrize(
    ("answer", "least", "most"),
    [
        (limit(429, retry_after="7"), 7, 7),
        (limit(403, retry_after="7"), 7, 7),
        (limit(403), rest.BURST, rest.BURST),
        (limit(429), rest.BURST, rest.BURST),
    ],
)
def test_it_waits_as_long_as_github_says(
    answer: Answer, least: float, most: float, pauses: list[float]
) -> None:
    with serve(answer, Answer(200, [])) as server:
        GitHub("octocat", "flights", server.url).pulls()
    assert server.lines == [LIST] * 2
    assert least <= pauses[0] <= most


def test_it_waits_until_the_limit_ends(pauses: list[float]) -> None:
    answer = limit(403, x_ratelimit_remaining="0", x_ratelimit_reset=reset(80))
    with serve(answer, Answer(200, [])) as server:
        GitHub("octocat", "flights", server.url).pulls()
    assert 20 <= pauses[0] <= 80


@pytest.mark.parametrize(
    "answer",
    [
        limit(429, retry_after=str(patience.LONGEST + 1)),
        limit(403, x_ratelimit_remaining="0", x_ratelimit_reset=reset(30_000)),
    ],
)
def test_it_does_not_wait_for_long(answer: Answer, pauses: list[float]) -> None:
    with serve(answer) as server, pytest.raises(Refused, match=r"ends at \d\d:\d\d:\d\d UTC"):
        GitHub("octocat", "flights", server.url).pulls()
    assert (server.lines, pauses) == ([LIST], [])


def test_a_pull_request_whose_answer_was_lost_is_not_opened_twice() -> None:
    with serve(Answer(200, []), LOST, Answer(200, [found()])) as server:
        pull = GitHub("octocat", "flights", server.url).open("promote", "uat", "Title", "Text")
    assert pull.number == 7
    assert server.lines == [LIST, POST, LIST]


def test_a_pull_request_that_somebody_else_opened_just_now_is_found() -> None:
    errors = [{"message": "A pull request already exists for octocat:promote."}]
    exists = Answer(422, {"message": "Validation Failed", "errors": errors})
    with serve(Answer(200, []), exists, Answer(200, [found()])) as server:
        pull = GitHub("octocat", "flights", server.url).open("promote", "uat", "Title", "Text")
    assert pull.number == 7
    assert server.lines == [LIST, POST, LIST]


def test_a_workflow_is_started_again_only_where_it_surely_was_not() -> None:
    github_says = [limit(429, retry_after="1"), Answer(204)]
    with serve(*github_says) as server:
        GitHub("octocat", "flights", server.url).dispatch("deliver.yml", "dev", {})
    assert len(server.asked) == 2
    with serve(Answer(502), Answer(204)) as server, pytest.raises(Refused, match="502"):
        GitHub("octocat", "flights", server.url).dispatch("deliver.yml", "dev", {})
    assert len(server.asked) == 1
