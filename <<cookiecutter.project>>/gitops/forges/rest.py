"""One question to GitHub's REST API: asked again where that is safe, else refused in one line."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from gitops import credentials
from gitops.forges.patience import Passing
from gitops.settings import Refused

VERSION = "2022-11-28"  # of the API: the one that servers of every age know
TIMEOUT = httpx.Timeout(30, connect=10)  # GitHub ends a request after 10 s: later, it is lost
BURST = 60  # what GitHub asks for where it limits bursts and names no time
PAGE = 100  # the most that GitHub gives at once
SHOWN = 300  # characters of what GitHub said: its sentences are shorter, a proxy's page is not

ADVICE = {
    401: "GH_TOKEN is wrong or has expired, so set a new one",
    403: "the token may not: it needs {needs}{hint}",
    404: "see that all of these exist, and that the token may see them: it needs {needs}",
    422: "correct what it names, then run this again",
}


@dataclass(frozen=True)
class Asked:
    """What a question is for, in words, and what the token must be allowed."""

    what: str
    needs: str
    hint: str = ""


class Rest:
    """The API of one repository."""

    def __init__(self, owner: str, name: str, api: str) -> None:
        self.api = api
        self.path = f"/repos/{owner}/{name}"

    @cached_property
    def client(self) -> httpx.Client:
        headers = {
            "Accept": "application/json",  # the one that GitHub's description names
            "Authorization": f"Bearer {credentials.token()}",
            "User-Agent": "gitops",
            "X-GitHub-Api-Version": VERSION,
        }
        return httpx.Client(base_url=self.api, headers=headers, timeout=TIMEOUT)

    def ask(
        self,
        asked: Asked,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """Ask once.

        Raises:
            Passing: it may help to ask again.
            Refused: it does not.
        """
        try:
            answer = self.client.request(method, self.path + path, params=query, json=body)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            unsent = httpx.ConnectError | httpx.ConnectTimeout
            raise Passing(
                f"{asked.what}: no answer from {self.api}: {error or type(error).__name__}; "
                "see that it can be reached from here (HTTPS_PROXY, if there is one), then run "
                "this again",
                taken=not isinstance(error, unsent),
            ) from None
        if not answer.is_success:
            raise refusal(asked, answer)
        return answer

    def value(self, asked: Asked, method: str, path: str, **more: Mapping[str, Any]) -> Any:
        """The JSON of an answer."""
        return content(asked, self.ask(asked, method, path, **more))

    def values(self, asked: Asked, path: str, query: Mapping[str, str]) -> Iterator[Any]:
        """Everything on a list, page by page."""
        query, seen = dict(query) | {"per_page": str(PAGE)}, set[str]()
        while True:
            answer = self.ask(asked, "GET", path, query=query)
            found = content(asked, answer)
            if not isinstance(found, list):
                raise strange(asked, "no list")
            yield from found
            following = answer.links.get("next", {}).get("url")
            if following is None or following in seen:
                return
            seen.add(following)
            # Only the question is taken from it: an address could lead the token elsewhere.
            query |= dict(parse_qsl(urlsplit(following).query))


def content(asked: Asked, answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        kind = answer.headers.get("content-type", "nothing")
        raise Refused(
            f"{asked.what}: {answer.url.host} answers {kind} where GitHub answers JSON; see that "
            "GITHUB_API_URL is right, and that no proxy answers in its place"
        ) from None


def strange(asked: Asked, what: object) -> Refused:
    return Refused(
        f"{asked.what}: GitHub's answer is not what its documentation says: {what}; see that "
        "GITHUB_API_URL is right"
    )


def refusal(asked: Asked, answer: httpx.Response) -> Refused:
    """Why an answer is none, and what to do."""
    status = answer.status_code
    head = f"{asked.what}: GitHub says {status} {message(answer)!r}"
    if (wait := limited(answer)) is not None:
        ends = datetime.fromtimestamp(time.time() + wait, UTC)
        text = f"{head}; its rate limit ends at {ends:%H:%M:%S} UTC, so run this again then"
        return Passing(text, wait, taken=False)
    if status in (502, 503, 504):
        text = f"{head}; it is out of order (see githubstatus.com), so run this again later"
        return Passing(text, number(answer, "retry-after") or 0)
    if status == 422 and "already exists" in head:
        return Passing(f"{head}; somebody else made it just now, so run this again")
    if answer.is_redirect:
        return Refused(f"{head}; the repository has moved: set its new URL, git remote set-url")
    advice = ADVICE.get(status, "see githubstatus.com, then run this again")
    return Refused(f"{head}; {advice.format(needs=asked.needs, hint=asked.hint)}")


def limited(answer: httpx.Response) -> float | None:
    """The seconds that GitHub wants to be left alone; None where that is not why it refuses."""
    if answer.status_code not in (403, 429):
        return None
    if (wait := number(answer, "retry-after")) is not None:
        return wait
    if number(answer, "x-ratelimit-remaining") == 0:
        return max(0, (number(answer, "x-ratelimit-reset") or time.time() + BURST) - time.time())
    bursts = answer.status_code == 429 or "rate limit" in message(answer).lower()
    return BURST if bursts else None


def number(answer: httpx.Response, header: str) -> float | None:
    text = answer.headers.get(header, "")
    return float(text) if text.isdecimal() else None


def message(answer: httpx.Response) -> str:
    """GitHub's own words, in one line, without the token where they repeat it."""
    try:
        told = answer.json()
        errors = told.get("errors") or []
        found = [told["message"], *(detail(error) for error in errors)]
        said = " ".join(" ".join(map(str, found)).split())
    except (ValueError, KeyError, TypeError, AttributeError):
        said = answer.reason_phrase
    sent = answer.request.headers.get("authorization", "").rpartition(" ")[2]
    return (said.replace(sent, "***") if sent else said)[:SHOWN]


def detail(error: Any) -> str:
    """One of the errors that a 422 lists: a sentence, or the field and its rule."""
    if not isinstance(error, dict):
        return str(error)
    return str(error.get("message") or f"{error.get('field')}: {error.get('code')}")
