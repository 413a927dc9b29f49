"""Where pull requests live. The remote decides: GitHub, or a bare repository on this machine."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit

from gitops import credentials
from gitops.git import Repository
from gitops.settings import Refused

LIMIT = 65536  # characters that GitHub takes as a comment or as the text of a pull request


@dataclass(frozen=True)
class Pull:
    """A pull request."""

    number: int
    title: str
    body: str
    head: str  # its branch
    commit: str  # the tip of that branch
    base: str  # the branch that it asks to change
    url: str
    state: Literal["open", "merged", "closed"]
    fork: bool  # its branch lives in another repository
    author: str


class Forge(Protocol):
    """Every method raises Refused where the forge can't be reached or does not do as asked."""

    def pulls(self, *, head: str | None = None, base: str | None = None) -> list[Pull]:
        """The open ones, oldest first; `head` is a branch of the repository itself."""

    def pull(self, number: int) -> Pull:
        """The one of a number, open or not."""

    def open(self, head: str, base: str, title: str, body: str) -> Pull:
        """Ask to merge `head` into `base`. One that is open gets this title and text instead."""

    def comment(self, number: int, marker: str, body: str) -> None:
        """Say something under a pull request; what was said with the same marker is replaced.

        The marker is an HTML comment: `<!-- review -->`.
        """

    def close(self, number: int, reason: str) -> None:
        """Close one without merging it, saying why; nothing happens to one that is not open."""

    def vouch(self, commit: str, check: str, url: str, *, passed: bool) -> None:
        """Say on a commit whether a check has passed, and where to read how."""

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow, by its file's name, on a branch."""


@dataclass(frozen=True)
class Place:
    """What a remote's URL says, without the names and passwords in it."""

    host: str  # empty: this machine
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.host else self.path


def home(repository: Repository) -> Path:
    """The folder for what is local to a forge: beside a bare repository on this machine."""
    place = located(repository)
    if not place.host:
        path = Path(place.path)
        return path.with_name(f"{path.name.removesuffix('.git')}.forge")
    states = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(states) / place.host / place.path


def github_api(host: str) -> str | None:
    """Where the GitHub server of this name answers, as Actions says; None for any other host."""
    server = credentials.server()
    ours = host == urlsplit(server).hostname
    if ours and (api := os.environ.get("GITHUB_API_URL")):
        return api.rstrip("/")
    if host == "github.com":
        return "https://api.github.com"
    return f"{server}/api/v3" if ours else None


def located(repository: Repository) -> Place:
    """Where the remote is.

    Raises:
        Refused: nothing can be made of its URL, or what is there is no bare repository.
    """
    url = repository.url
    if "://" in url:
        parts = urlsplit(url)
        host, path = parts.hostname or "", unquote(parts.path)
    elif found := re.fullmatch(r"(?:[^/@:]*@)?([^/:]+):(.*)", url):  # ssh's short form
        host, path = found[1].lower(), found[2]
    else:
        host, path = "", url
    if not host:
        return Place("", str(bare(repository, path)))
    # GitHub answers ssh on port 443 under a name of its own.
    host = host.removeprefix("ssh.") if host == "ssh.github.com" else host
    names = [name for name in path.removesuffix("/").removesuffix(".git").split("/") if name]
    if not names or not all(re.fullmatch(r"[\w.~-]*[\w~-][\w.~-]*", name) for name in names):
        raise Refused(f"remote {repository.remote!r}: its URL names no repository on {host}")
    return Place(host, "/".join(names))


def bare(repository: Repository, path: str) -> Path:
    """A bare repository on this machine; git reads a relative path from the working copy's top."""
    found = (repository.path / path).resolve()
    words = ("--git-dir", str(found), "rev-parse", "--is-bare-repository")
    if repository.run(*words).stdout.strip() != "true":
        raise Refused(
            f"remote {repository.remote!r}: {found}: not a bare repository; make one with "
            f"`git clone --bare . {found}`, or run `make rehearse`, which makes one"
        )
    return found


def fitting(body: str, marker: str = "") -> str:
    """A text that the forge takes: the marker, then as many whole lines as there is room for."""
    whole = f"{marker}\n{body}" if marker else body
    if len(whole) <= LIMIT:
        return whole
    note = f"**Cut: this has {len(body):,} characters, and there is room for {LIMIT:,}.**\n\n"
    head = f"{marker}\n{note}" if marker else note
    closing = "\n```"
    kept = body[: LIMIT - len(head) - len(closing)].rpartition("\n")[0]
    inside = sum(line.startswith("```") for line in kept.splitlines()) % 2
    return head + kept + closing * inside
