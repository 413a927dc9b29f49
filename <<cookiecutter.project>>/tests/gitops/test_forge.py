"""The remote's URL decides where pull requests live, and where what is local to it lies."""

import re
from pathlib import Path

import pytest

from gitops import forge
from gitops.forges.github import GitHub
from gitops.forges.local import Local
from gitops.forges.remote import of as forge_of_remote
from gitops.git import Repository
from gitops.settings import Refused
from tests.projects import succeed

HIDDEN = "hunter2"  # what no message may show


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_SERVER_URL", "GITHUB_API_URL", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    succeed("git", "init", "--quiet", str(tmp_path / "work"), cwd=tmp_path)
    succeed("git", "init", "--quiet", "--bare", str(tmp_path / "origin.git"), cwd=tmp_path)
    return tmp_path / "work"


def remote(work: Path, url: str) -> Repository:
    succeed("git", "remote", "add", "origin", url, cwd=work)
    return Repository(work, "origin")


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/octocat/flights",
        "https://github.com/octocat/flights.git",
        "https://GitHub.com/octocat/flights/",
        f"https://name:{HIDDEN}@github.com/octocat/flights.git",
        "ssh://git@github.com/octocat/flights.git",
        "ssh://git@ssh.github.com:443/octocat/flights.git",
        "git@github.com:octocat/flights.git",
        "github.com:octocat/flights",
    ],
)
def test_github_by_any_of_its_urls(work: Path, url: str) -> None:
    found = forge_of_remote(remote(work, url))
    assert isinstance(found, GitHub)
    assert (found.owner, found.name) == ("octocat", "flights")
    assert found.rest.api == "https://api.github.com"


@pytest.mark.parametrize(
    ("url", "named", "api"),
    [
        ("https://ghe.example.com/o/n.git", None, "https://ghe.example.com/api/v3"),
        ("git@ghe.example.com:o/n.git", "https://ghe.example.com/rest/", None),
        ("https://github.com/o/n", "https://ghe.example.com/rest", "https://api.github.com"),
    ],
)
def test_the_server_of_an_enterprise(
    work: Path, monkeypatch: pytest.MonkeyPatch, url: str, named: str | None, api: str | None
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://ghe.example.com")
    if named:
        monkeypatch.setenv("GITHUB_API_URL", named)
    found = forge_of_remote(remote(work, url))
    assert isinstance(found, GitHub)
    assert found.rest.api == (api or "https://ghe.example.com/rest")


@pytest.mark.parametrize("form", ["{}/origin.git", "file://{}/origin.git", "../origin.git"])
def test_a_bare_repository_on_this_machine(work: Path, form: str) -> None:
    repository = remote(work, form.format(work.parent))
    assert isinstance(forge_of_remote(repository), Local)
    assert forge.home(repository) == work.parent / "origin.forge"


def test_a_url_that_spells_a_space_as_git_does(work: Path) -> None:
    place = work.parent / "two words.git"
    (work.parent / "origin.git").rename(place)
    repository = remote(work, f"file://{work.parent}/two%20words.git")
    assert succeed("git", "ls-remote", "origin", cwd=work) == ""
    assert forge.home(repository) == place.with_name("two words.forge")


def test_what_is_local_to_a_remote_forge(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = remote(work, "git@gitlab.com:group/sub/flights.git")
    assert forge.home(repository) == Path.home() / ".local/state/gitlab.com/group/sub/flights"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert forge.home(repository) == Path("/var/state/gitlab.com/group/sub/flights")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (
            f"https://me:{HIDDEN}@gitlab.com/o/n.git",
            "gitlab.com/o/n: a forge that is not known here",
        ),
        ("https://github.com/n.git", "github.com/n: not <owner>/<name> on GitHub"),
        ("https://github.com/a/b/c", "github.com/a/b/c: not <owner>/<name> on GitHub"),
        ("https://github.com/", "names no repository on github.com"),
        ("https://github.com/../../etc/cron", "names no repository on github.com"),
        ("/nowhere/origin.git", "/nowhere/origin.git: not a bare repository; make one with"),
        (".", "not a bare repository; make one with"),
    ],
)
def test_other_remotes_are_refused(work: Path, url: str, why: str) -> None:
    with pytest.raises(Refused, match=re.escape(why)) as refused:
        forge_of_remote(remote(work, url))
    assert HIDDEN not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_text_that_fits_is_left_alone() -> None:
    assert forge.fitting("a" * forge.LIMIT) == "a" * forge.LIMIT
    assert forge.fitting("text", "<!-- review -->") == "<!-- review -->\ntext"


def test_a_long_text_is_cut_between_lines_and_says_so() -> None:
    body = "# Report\n```mermaid\n" + "".join(f"{number}\n" for number in range(20_000)) + "```\n"
    cut = forge.fitting(body, "<!-- review -->")
    lines = cut.splitlines()
    assert len(cut) <= forge.LIMIT
    assert lines[0] == "<!-- review -->"
    assert "Cut" in lines[1]
    assert f"{len(body):,}" in lines[1]
    # What is kept ends with a line, and the chart that it ends in is closed.
    assert [int(lines[-3]) + 1, lines[-1]] == [int(lines[-2]), "```"]


def test_a_long_line_leaves_the_note() -> None:
    cut = forge.fitting("a" * (forge.LIMIT + 1), "<!-- review -->")
    assert cut.startswith("<!-- review -->\n**Cut")
    assert len(cut) <= forge.LIMIT
