"""git waits for nobody: not for a person, not for a remote that hangs, not for its own children."""

import http.server
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops import plumbing
from gitops.git import Repository
from gitops.settings import Refused
from tests.gitops.repositories import add_release, commit, forge_of
from tests.projects import succeed

HIDDEN = "hunter2"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return forge_of(tmp_path)


def point_to(repository: Repository, url: str) -> None:
    succeed("git", "remote", "set-url", "origin", url, cwd=repository.path)


def executable(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def gone(path: Path) -> bool:
    """Has the process whose number a file holds ended? It is given the time to."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(int(path.read_text()), 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["git", "http"])
def test_a_remote_that_never_answers_is_refused(
    repository: Repository, silent: int, scheme: str
) -> None:
    point_to(repository, f"{scheme}://127.0.0.1:{silent}/x.git")
    wanted = "no answer in 0.3 s; see that the remote can be reached"
    with pytest.raises(Refused, match=f"^git fetch: {wanted}"):
        repository.fetch(seconds=0.3)
    with pytest.raises(Refused, match=f"^git push: {wanted}"):
        repository.push(repository.commit("HEAD"), "refs/heads/new", seconds=0.3)


def test_what_a_hanging_git_has_started_is_ended_with_it(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = executable(tmp_path / "ssh", f'echo $$ > "{tmp_path}/pid"; exec sleep 1000')
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    point_to(repository, "ssh://nowhere/x.git")

    with pytest.raises(Refused, match="no answer in 2 s"):
        repository.fetch(seconds=2)
    assert gone(tmp_path / "pid")


def test_a_hook_that_hangs_is_ended_and_leaves_no_lock(
    repository: Repository, tmp_path: Path
) -> None:
    hook = tmp_path / "origin.git/hooks/pre-receive"
    executable(hook, f'echo $$ > "{tmp_path}/pid"; exec sleep 1000')
    with pytest.raises(Refused, match="no answer in 2 s"):
        repository.push(repository.commit("HEAD"), "refs/heads/new", seconds=2)
    assert gone(tmp_path / "pid")

    hook.unlink()
    assert repository.at_remote("refs/heads/new") is None
    repository.push(repository.commit("HEAD"), "refs/heads/new")


class Asking(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.mark.parametrize("login", ["", f"user:{HIDDEN}@", f"{HIDDEN}@"])
def test_a_remote_that_asks_for_a_password_is_refused_and_told_nothing(
    repository: Repository, login: str
) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        point_to(repository, f"http://{login}127.0.0.1:{server.server_address[1]}/x.git")
        with pytest.raises(Refused, match="Authentication failed") as read:
            repository.fetch(seconds=60)
        with pytest.raises(Refused, match="Authentication failed") as written:
            repository.push(repository.commit("HEAD"), "refs/heads/new", seconds=60)
        server.shutdown()

    for refusal in (str(read.value), str(written.value)):
        assert HIDDEN not in refusal
        assert len(refusal.splitlines()) == 1


def test_the_ssh_command_of_a_person_is_kept(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = repository.commit("refs/remotes/origin/dev")
    new = commit(repository, "dev", **{"new": "file"})
    ssh = executable(tmp_path / "ssh", 'shift; eval "exec $*"')
    succeed("git", "config", "core.sshCommand", str(ssh), cwd=repository.path)
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    point_to(repository, f"ssh://nowhere{tmp_path}/origin.git")
    repository.git("update-ref", "refs/remotes/origin/dev", before)

    repository.fetch()
    assert repository.tip("dev") == new


def test_a_command_that_a_hook_starts_works_where_it_is_told_to(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert repository.commit("HEAD")


def test_who_starts_a_workflow_signs_what_it_writes(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    succeed("git", "config", "user.useConfigOnly", "true", cwd=repository.path)
    with pytest.raises(Refused, match=r"^git var: fatal: no email was given") as caught:
        add_release(repository, repository.commit("HEAD"))
    assert len(str(caught.value).splitlines()) == 1

    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    _, tag = add_release(repository, repository.commit("HEAD"))
    signed = repository.git("cat-file", "tag", tag)
    assert "tagger octocat <octocat@users.noreply.github.com> " in signed


def test_an_answer_of_any_bytes_comes_whole(repository: Repository) -> None:
    data = bytes(range(256)) * 4096
    blob = plumbing.run(repository.path, "hash-object", "-w", "--stdin", data=data).stdout
    found = plumbing.run(repository.path, "cat-file", "blob", blob.decode().strip())

    assert found.stdout == data


def test_a_long_answer_comes_in_parts(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plumbing, "CHUNK", 3)
    form = "--format=%(refname)%00%(objecttype)%00"
    found = [part.lstrip("\n") for part in plumbing.parts(repository.path, "for-each-ref", form)]

    assert found[:2] == ["refs/heads/dev", "commit"]
    assert len(found) == 8
    with pytest.raises(Refused, match=r"^git for-each-ref: fatal: unknown field name: nonsense"):
        list(plumbing.parts(repository.path, "for-each-ref", "--format=%(nonsense)"))


def test_who_stops_reading_stops_git(repository: Repository) -> None:
    parts = plumbing.parts(repository.path, "cat-file", "--batch-all-objects", "--batch", "-Z")
    parts.close()  # type: ignore[attr-defined]


def test_the_line_that_says_why_is_found() -> None:
    assert plumbing.last("hint: a\nfatal: b\nfatal: c\n") == "fatal: b"
    assert plumbing.last("something\nelse\n") == "something"
    assert plumbing.last("\n") == "failed without a word"
