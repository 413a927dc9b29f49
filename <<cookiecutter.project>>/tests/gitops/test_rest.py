"""Each way in which GitHub refuses or is not there is one clear line, without the token."""

import re
import time
from collections.abc import Callable

import httpx
import pytest

from gitops.forges import patience, rest
from gitops.forges.github import GitHub
from gitops.settings import Refused
from tests.gitops.server import LOST, Answer, serve

TOKEN = "ghp_NobodyMayReadThis"  # noqa: S105 - of nobody
Act = Callable[[GitHub], object]
ACTS: dict[str, Act] = {
    "read": lambda github: github.pull(7),
    "list": lambda github: github.pulls(),
    "open": lambda github: github.open("promote", "uat", "Title", "Text"),
    "comment": lambda github: github.comment(7, "<!-- review -->", "Text"),
    "close": lambda github: github.close(7, "Its target moved."),
    "dispatch": lambda github: github.dispatch("deliver.yml", "dev", {}),
}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits: the pauses are written down."""
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    slept: list[float] = []
    monkeypatch.setattr(patience, "sleep", slept.append)
    return slept


def refusal(act: str, *answers: Answer) -> tuple[str, int]:
    """What a person reads when GitHub answers this, and how many questions it took."""
    with serve(*answers) as server, pytest.raises(Refused) as refused:
        ACTS[act](GitHub("octocat", "flights", server.url))
    return str(refused.value), len(server.asked)


def said(status: int, message: str, **headers: str) -> Answer:
    return Answer(
        status, {"message": message}, {k.replace("_", "-"): v for k, v in headers.items()}
    )


FORBIDDEN = said(403, "Resource not accessible by integration")
LATER = str(int(time.time()) + 3000)
CASES = [
    (
        "read",
        said(401, "Bad credentials"),
        "401 'Bad credentials'; GH_TOKEN is wrong or has expired",
    ),
    ("read", FORBIDDEN, "the token may not: it needs pull-requests: read"),
    ("comment", FORBIDDEN, "the token may not: it needs pull-requests: write"),
    ("dispatch", FORBIDDEN, "the token may not: it needs actions: write"),
    ("open", FORBIDDEN, "Allow GitHub Actions to create and approve pull requests"),
    (
        "read",
        said(404, "Not Found"),
        "reading pull request 7: GitHub says 404 'Not Found'; see that",
    ),
    ("dispatch", said(404, "Not Found"), "starting deliver.yml on dev: GitHub says 404"),
    ("list", said(301, "Moved", location="/elsewhere"), "has moved: set its new URL, git remote"),
    ("read", said(500, "Server Error"), "500 'Server Error'; see githubstatus.com"),
    ("read", Answer(500, "oops"), "500 'Internal Server Error'; see githubstatus.com"),
    ("read", said(429, "Slow down", retry_after="3000"), "its rate limit ends at"),
    (
        "read",
        said(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset=LATER),
        "its rate limit ends at",
    ),
    (
        "read",
        Answer(200, "<html>Log in</html>", {"content-type": "text/html"}),
        "127.0.0.1 answers text/html where GitHub answers JSON",
    ),
    ("read", Answer(200, {"number": 7}), "is not what its documentation says: 'head'"),
    ("list", Answer(200, {"number": 7}), "is not what its documentation says: no list"),
]


@pytest.mark.parametrize(("act", "answer", "why"), CASES)
def test_a_refusal_is_one_line_that_says_what_to_do(act: str, answer: Answer, why: str) -> None:
    told, asked = refusal(act, answer)
    assert why in told
    assert told.startswith("octocat/flights: ")
    assert "\n" not in told
    assert asked == 1


@pytest.mark.parametrize("act", ACTS)
def test_what_github_finds_wrong_is_repeated(act: str) -> None:
    errors = [
        {"field": "head", "code": "invalid"},
        {"message": "No commits between\nuat and promote"},
    ]
    told, _ = refusal(act, Answer(422, {"message": "Validation Failed", "errors": errors}))
    assert "422 'Validation Failed head: invalid No commits between uat and promote'" in told
    assert told.endswith("; correct what it names, then run this again")


def test_an_answer_that_repeats_the_token() -> None:
    told, _ = refusal("read", said(401, f"Bad credentials: Bearer {TOKEN}"))
    assert "Bad credentials: Bearer ***" in told


def test_a_page_of_words_is_cut() -> None:
    told, _ = refusal("read", said(500, "no " * 10_000))
    assert len(told) < 500


@pytest.mark.parametrize("token", ["", " ", "two\nlines", "in\u00e9", f"{TOKEN} and more"])
def test_no_token_asks_nothing(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GH_TOKEN", token)
    told, asked = refusal("read")
    assert told.startswith("GH_TOKEN: ")
    assert not token.strip() or token not in told
    assert asked == 0


@pytest.mark.parametrize(
    "api", ["http://127.0.0.1:1", "https://nowhere.invalid", "nowhere", "http://[", "ftp://x"]
)
def test_a_server_that_is_not_there(api: str) -> None:
    with pytest.raises(
        Refused, match=f"no answer from {re.escape(api)}: .*can be reached"
    ) as refused:
        GitHub("octocat", "flights", api).pull(7)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("answer", [LOST, Answer(silent=True)], ids=["lost", "silent"])
@pytest.mark.parametrize("act", ["read", "dispatch"])
def test_a_server_that_answers_nothing(
    monkeypatch: pytest.MonkeyPatch, act: str, answer: Answer
) -> None:
    monkeypatch.setattr(rest, "TIMEOUT", httpx.Timeout(0.2))
    told, asked = refusal(act, *[answer] * patience.TRIES)
    assert ": no answer from http://127.0.0.1:" in told
    # Nobody knows whether the workflow was started: it is not started again.
    assert asked == (patience.TRIES if act == "read" else 1)


def test_every_page_is_read_and_no_link_leads_the_token_elsewhere() -> None:
    elsewhere = "https://evil.example/repos/octocat/flights/pulls?state=open&page=2"
    first = Answer(200, [], {"link": f'<{elsewhere}>; rel="next"'})
    with serve(first, first) as server:
        # The second page names the same next one, so it is the last.
        assert GitHub("octocat", "flights", server.url).pulls() == []
    assert server.lines == ["GET /repos/octocat/flights/pulls"] * 2
    assert [question.query.get("page") for question in server.asked] == [None, "2"]
    assert [question.query["per_page"] for question in server.asked] == ["100", "100"]


def test_how_it_introduces_itself() -> None:
    with serve(Answer(200, [])) as server:
        GitHub("octocat", "flights", server.url).pulls()
    headers = server.asked[0].headers
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["accept"] == "application/json"
