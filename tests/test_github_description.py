"""Every request that we send GitHub is one that GitHub's own description of its API allows.

Prism serves that description, and refuses what it does not allow. `.ci/run` fetches both; PRISM
names their folder.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from baking import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

# The template is read as it lies, and checked there.
GitHub: Any = importlib.import_module("gitops.forges.github").GitHub
Asked: Any = importlib.import_module("gitops.forges.rest").Asked
Refused: Any = importlib.import_module("gitops.settings").Refused

# It reads 13 MB of JSON for 10 to 17 s; on a machine that does other things, for much longer.
SECONDS = 180
RECEIVED = re.compile(r"\[HTTP SERVER\] (\w+) (\S+) .*Request received")
PASSED = "The request passed the validation rules"
REFUSED = "Request did not pass the validation rules"


@dataclass(frozen=True)
class Prism:
    """A server that answers as GitHub describes itself."""

    url: str
    log: Path
    description: dict[str, Any] = field(repr=False)

    def judged(self, count: int) -> list[str]:
        """Return each request that it has judged, `METHOD path: verdict`, when there are enough."""

        def read() -> list[str]:
            found: list[str] = []
            for line in self.log.read_text("utf-8").splitlines():
                if request := RECEIVED.search(line):
                    found.append(f"{request[1].upper()} {request[2]}")
                elif PASSED in line:
                    found[-1] += ": accepted"
                elif REFUSED in line:
                    found[-1] += ": refused"
            return found

        until(lambda: len([line for line in read() if ": " in line]) >= count, self.log)
        return read()

    def resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return a part of the description, or what it refers to."""
        while "$ref" in value:
            found: Any = self.description
            for key in value["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            value = found
        return value

    def unknown(self, request: httpx.Request) -> set[str]:
        """Return what a request says that the description does not name: GitHub ignores it."""
        path = request.url.path
        operation = next(
            operations[request.method.lower()]
            for template, operations in self.description["paths"].items()
            if request.method.lower() in operations
            and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        )
        parameters = [self.resolved(one) for one in operation.get("parameters", [])]
        names = {one["name"] for one in parameters if one["in"] == "query"}
        if request.content:
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            names |= set(self.resolved(body)["properties"])
            return (set(request.url.params) | set(json.loads(request.content))) - names
        return set(request.url.params) - names


def until(condition: Callable[[], object], log: Path) -> None:
    """Wait for something that Prism does."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, log.read_text("utf-8")[-2000:]
        time.sleep(0.05)


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    """Start it once: it takes a while to read the description."""
    if "PRISM" not in os.environ:
        pytest.skip(
            "PRISM names no folder with Prism and GitHub's description: `make ci` makes one"
        )
    folder = Path(os.environ["PRISM"])
    path = folder / "node_modules/@octokit/openapi/generated/api.github.com.json"
    log = tmp_path_factory.mktemp("prism") / "log"
    # Examples in the description break its own rules, and would be refused as answers.
    options = ("--port", "0", "--errors", "--ignoreExamples")
    program = (str(folder / "node"), str(folder / "node_modules/.bin/prism"))
    command = [*program, "mock", *options, str(path)]
    with log.open("w") as output:
        # Node runs under a wrapper: both end with their group.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    listening = re.compile(r"listening on (http://\S+)")
    try:
        until(lambda: listening.search(log.read_text("utf-8")) or process.poll() is not None, log)
        url = listening.search(log.read_text("utf-8"))
        assert url, log.read_text("utf-8")
        yield Prism(url[1], log, json.loads(path.read_text("utf-8")))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@dataclass
class Sent:
    """GitHub as our code knows it, with every request that it sent."""

    github: Any
    requests: list[httpx.Request] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]


@pytest.fixture
def sent(prism: Prism, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """A repository of the server's, whose requests are written down."""
    monkeypatch.setenv("GH_TOKEN", "of-nobody")
    sent = Sent(GitHub("octocat", "hello-world", prism.url))
    sent.github.rest.client.event_hooks["request"].append(sent.requests.append)
    return sent


def test_every_request_is_accepted(prism: Prism, sent: Sent) -> None:
    before = len(prism.judged(0))
    github = sent.github
    (known, *_) = github.pulls()
    said = github.rest.value(
        Asked("reading comments", ""), "GET", f"/issues/{known.number}/comments"
    )[0]["body"]
    github.pulls(head="promote/uat/0123456789ab", base="uat")
    github.pull(known.number)
    github.open("promote/uat/0123456789ab", "uat", "Promote", "Text")
    github.open(known.head, known.base, "Another title", "Another text")
    github.comment(known.number, "<!-- review -->", "Text")
    github.comment(known.number, said, "Text instead of what was said with this marker")
    github.close(known.number, "Its target has moved.")
    for passed in (True, False):
        run = "https://github.com/octocat/hello-world/actions/runs/3"
        github.vouch("c" * 40, "proof", run, passed=passed)
    github.dispatch("pull-request.yml", "promote/uat/0123456789ab", {"pull": str(known.number)})
    judged = prism.judged(before + len(sent.lines))[before:]
    print(*judged, sep="\n")
    assert judged == [f"{line}: accepted" for line in sent.lines]
    assert not {name for request in sent.requests for name in prism.unknown(request)}
    repository = "/repos/octocat/hello-world"
    assert set(sent.lines) == {
        f"GET {repository}/pulls",
        f"GET {repository}/pulls/{known.number}",
        f"POST {repository}/pulls",
        f"PATCH {repository}/pulls/{known.number}",
        f"GET {repository}/issues/{known.number}/comments",
        f"POST {repository}/issues/{known.number}/comments",
        f"PATCH {repository}/issues/comments/42",
        f"POST {repository}/statuses/{'c' * 40}",
        f"POST {repository}/actions/workflows/pull-request.yml/dispatches",
    }


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/pulls", {"body": {"title": "Without branches"}}),
        ("GET", "/pulls", {"query": {"state": "opened"}}),
        ("PATCH", "/pulls/7", {"body": {"state": "merged"}}),
        ("POST", "/issues/seven/comments", {"body": {"body": "Text"}}),
        ("POST", f"/statuses/{'c' * 40}", {"body": {"state": "passed", "context": "proof"}}),
    ],
)
def test_a_wrong_request_is_refused(
    prism: Prism, sent: Sent, method: str, path: str, more: dict[str, Any]
) -> None:
    before = len(prism.judged(0))
    with pytest.raises(Refused, match="GitHub says 4"):
        sent.github.rest.ask(Asked("asking", "nothing"), method, path, **more)
    assert prism.judged(before + 1)[before:] == [f"{sent.lines[0]}: refused"]


def test_what_github_would_ignore_is_noticed(prism: Prism, sent: Sent) -> None:
    sent.github.rest.ask(Asked("asking", "nothing"), "GET", "/pulls", query={"branch": "uat"})
    body = {"title": "Title", "text": "Text"}
    sent.github.rest.ask(Asked("asking", "nothing"), "PATCH", "/pulls/7", body=body)
    assert [prism.unknown(request) for request in sent.requests] == [{"branch"}, {"text"}]


def test_packages_are_pinned_and_no_registry_is_named() -> None:
    lock = json.loads((ROOT / "tests/prism/package-lock.json").read_text("utf-8"))
    packages = {name: about for name, about in lock["packages"].items() if name}
    assert [name for name, about in packages.items() if "integrity" not in about] == []
    assert [name for name, about in packages.items() if "resolved" in about] == []
