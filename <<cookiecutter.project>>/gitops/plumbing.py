"""Run git: in plain English, asking nobody for anything, and never for longer than is given."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitops import credentials
from gitops.settings import Refused

SECONDS = 120  # a push of a large branch over a slow line; a remote that hangs longer is refused
# Set where git runs a hook: they would lead every command to that hook's repository.
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
PIPE = subprocess.PIPE
ODD = "surrogateescape"  # names of files are bytes, and come back as they were
CHUNK = 65536  # bytes of an answer that are held at once
GRACE = 5  # seconds for git to put its lock files away, which takes it some milliseconds


def run(
    folder: Path,
    *words: str,
    data: bytes | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> subprocess.CompletedProcess[bytes]:
    """What git answers.

    Raises:
        Refused: it took too long.
    """
    with started(folder, *words, env=env, stdin=data is not None) as process:
        try:
            said, failed = process.communicate(data, seconds)
        except subprocess.TimeoutExpired:
            raise Refused(
                f"git {words[0]}: no answer in {seconds:g} s; see that the remote can be reached, "
                "then run this again"
            ) from None
        return subprocess.CompletedProcess(words, process.returncode, said, failed)


@contextlib.contextmanager
def started(
    folder: Path,
    *words: str,
    env: Mapping[str, str] | None = None,
    stdin: bool = False,
    stderr: int = PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """A git that is ended with the block, if it has not ended itself."""
    with subprocess.Popen(
        ["git", *words],
        cwd=folder,
        env=quiet() | dict(env or {}),
        stdin=PIPE if stdin else subprocess.DEVNULL,
        stdout=PIPE,
        stderr=stderr,
        start_new_session=True,  # without a terminal that a password could be asked on
    ) as process:
        try:
            yield process
        except BaseException:
            end(process)
            raise


def end(process: subprocess.Popen[bytes]) -> None:
    """With its children: ssh and the helper for https hold the pipes that are waited on."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        os.killpg(process.pid, signal.SIGKILL)


def parts(folder: Path, *words: str) -> Iterator[str]:
    """What git says, cut at the zero bytes in it, as it comes.

    Raises:
        Refused: it failed.
    """
    with (
        tempfile.TemporaryFile() as errors,
        started(folder, *words, stderr=errors.fileno()) as process,
    ):
        assert process.stdout  # noqa: S101  a pipe
        rest = b""
        while chunk := os.read(process.stdout.fileno(), CHUNK):
            *whole, rest = (rest + chunk).split(b"\0")
            yield from (part.decode(errors=ODD) for part in whole)
        if process.wait():
            errors.seek(0)
            raise Refused(f"git {words[0]}: {last(errors.read().decode(errors=ODD))}")


def quiet() -> dict[str, str]:
    """An environment in which git never waits for a person, and speaks plain English.

    GitHub is shown the token in GH_TOKEN, so that a checkout need not keep it.
    """
    env = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    if actor := env.get("GITHUB_ACTOR"):
        for role in ("AUTHOR", "COMMITTER"):
            env.setdefault(f"GIT_{role}_NAME", actor)
            env.setdefault(f"GIT_{role}_EMAIL", f"{actor}@users.noreply.github.com")
    env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C"}
    env |= {"SSH_ASKPASS": "true", "SSH_ASKPASS_REQUIRE": "force"}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    return env | credentials.for_git(env)


def last(text: str) -> str:
    """The line of git's output that says why."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))]
    return (said or lines or ["failed without a word"])[0]
