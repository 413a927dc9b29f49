"""Git shows the token to the GitHub server and to nobody else, and it stands nowhere."""

import base64
import os
from pathlib import Path

import pytest

from gitops import credentials, plumbing
from gitops.git import Repository
from tests.projects import succeed

TOKEN = "ghp_NobodyMayReadThis"  # noqa: S105 - of nobody
HEADER = "AUTHORIZATION: basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
GITHUB = "https://github.com/octocat/flights"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    for name in ("GITHUB_SERVER_URL", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    succeed("git", "init", "--quiet", cwd=tmp_path)
    return Repository(tmp_path, "origin")


def shown(repository: Repository, url: str) -> str:
    """The header that git would send to a URL."""
    return repository.run("config", "--get-urlmatch", "http.extraheader", url).stdout.strip()


def test_github_is_shown_the_token(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(repository, GITHUB) == ""
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    assert shown(repository, GITHUB) == HEADER


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/octocat/flights",
        "https://github.com.evil.example/octocat/flights",
        "https://evil.example/github.com",
        "https://ghe.example.com/o/n",
    ],
)
def test_nobody_else_is(repository: Repository, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    assert shown(repository, url) == ""


def test_the_server_of_an_enterprise(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://ghe.example.com/")
    assert shown(repository, "https://ghe.example.com/o/n") == HEADER
    assert shown(repository, GITHUB) == ""
    monkeypatch.setenv("GITHUB_SERVER_URL", "http://ghe.example.com")
    assert shown(repository, "http://ghe.example.com/o/n") == ""


def test_what_a_person_set_is_kept(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Somebody")
    assert repository.git("config", "user.name").strip() == "Somebody"
    assert shown(repository, GITHUB) == HEADER


def test_a_header_that_the_checkout_kept_is_not_sent_beside_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "http.https://github.com/.extraheader"
    repository.git("config", key, "AUTHORIZATION: basic old")
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    # Git empties the list of headers at an empty value.
    assert repository.git("config", "--get-all", key).splitlines()[-2:] == ["", HEADER]


def test_it_stands_in_no_file_and_no_argument(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(repository.path / "trace"))
    shown(repository, GITHUB)
    for path in repository.path.rglob("*"):
        if path.is_file():
            text = path.read_text(errors="replace")
            assert TOKEN not in text
            assert HEADER not in text
    assert (repository.path / "trace").stat().st_size


def test_without_a_token_nothing_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", " ")
    assert credentials.for_git(os.environ) == {}
    assert not any(name.startswith("GIT_CONFIG_KEY") for name in plumbing.quiet())
