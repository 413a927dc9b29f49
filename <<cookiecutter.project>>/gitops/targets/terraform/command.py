"""terraform itself, run in the folder of a stack: what it refuses is refused in a line or two."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from gitops import engine
from gitops.settings import FULL, Refused

OLDEST = (1, 10)  # the first whose state in a bucket is locked by the bucket itself
SECONDS = 900  # a slow engine and a large image; mostly two
LOOK_SECONDS = 30  # for a version
END_SECONDS = 120  # for the step that it was at, when it is to end: a container ends in thirty
WAIT = "120s"  # for another one to take its step
LONGEST = 600  # characters of its own words
CHANGES = 2  # its exit code for a plan that is not empty
HOW = "install terraform 1.10 or newer (docs/infrastructure.md), then run this again"
PROVIDER = r"provider\s+(?:[\w-]+(?:\.[\w-]+)+/)?([\w-]+/[\w-]+)"  # without where it is from
# Its own words for what happens to people, and what they can do about it.
KNOWN = (
    # First: what can't be written is no lock either.
    (r"(?i)no space left on device|disk quota exceeded", FULL),
    (
        r"Failed to query available provider packages|Could not retrieve the list of available",
        "terraform's provider {provider} can't be had: let this machine reach terraform's registry,"
        " or put the provider where terraform looks by itself (docs/infrastructure.md)",
    ),
    (
        r"Error acquiring the state lock",
        "its state is locked by {who}, since {when}: wait until that has ended; where nothing runs"
        " any more, free it: terraform -chdir={folder} force-unlock {id}",
    ),
    (
        r"address already in use|port is already allocated",
        "its address is taken; end what holds it, or give the environment another one",
    ),
    (
        r"(?i)state (data|snapshot).*(can't|could not|not) be|does not support state version"
        r"|unsupported state|Error refreshing state",
        "its state can't be read: {said}",
    ),
)


@dataclass(frozen=True)
class Terraform:
    folder: Path

    @cached_property
    def path(self) -> str:
        """The command.

        Raises:
            Refused: there is none, or it is too old.
        """
        found = shutil.which("terraform")
        if found is None:
            raise Refused(f"no terraform on PATH: {HOW}")
        recent(found)
        return found

    def is_there(self) -> None:
        """Refused, where it is missing or too old."""
        _ = self.path

    def run(self, *words: str, may: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """What a command says, and its exit code, if that is one of those that it may have.

        Raises:
            Refused: it fails otherwise.
        """
        command = [self.path, f"-chdir={self.folder}", *words]
        process = subprocess.Popen(
            command,
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # else a terminal interrupts it too; told twice, it drops everything
        )
        try:
            said, errors = process.communicate(timeout=SECONDS)
        except BaseException as error:
            end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise Refused(f"terraform {words[0]}: not done after {SECONDS} s") from None
            raise
        if process.returncode not in may:
            raise Refused(f"terraform {words[0]}: {self.explained(errors or said)}")
        return subprocess.CompletedProcess(command, process.returncode, said, errors)

    def explained(self, said: str) -> str:
        """What terraform said, or what that means to people."""
        text = plain(said)
        for pattern, message in KNOWN:
            if re.search(pattern, text):
                lock = dict(re.findall(r"(?m)^\s*(ID|Who|Created):\s+(.+?)\s*$", text))
                return message.format(
                    provider=next(iter(re.findall(PROVIDER, text)), "docker"),
                    who=lock.get("Who", "another run"),
                    when=lock.get("Created", "a while"),
                    id=lock.get("ID", "<ID>"),
                    folder=self.folder,
                    said=why(said),
                )
        return why(said)


@cache
def recent(terraform: str) -> None:
    """Refused, where it is too old; asked once."""
    done = subprocess.run(
        [terraform, "version", "-json"],
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LOOK_SECONDS,
    )
    try:
        version = str(json.loads(done.stdout)["terraform_version"])
    except (ValueError, KeyError):
        raise Refused(f"{terraform}: says no version: {why(done.stderr)}") from None
    if engine.numbers(version) < OLDEST:
        raise Refused(f"{terraform} is {version}, too old: {HOW}")


def end(process: subprocess.Popen[str]) -> None:
    """Let it finish its step, remember it and give its lock back."""
    process.terminate()
    try:
        process.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """That of whoever runs it, with the engine that we ask too; nothing is asked of a person."""
    kept = {key: value for key, value in given.items() if not key.startswith("TF_CLI_ARGS")}
    # One that is named and not there is warned of at every call.
    if not Path(kept.get("TF_CLI_CONFIG_FILE", "/")).is_file():
        kept.pop("TF_CLI_CONFIG_FILE", None)
    return {
        **kept,
        "DOCKER_HOST": engine.address(),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "NO_COLOR": "1",
    }


def plain(text: str) -> str:
    """Without the frame that terraform draws around an error."""
    unframed = re.sub(r"(?m)^[│╷╵ ]+", "", re.sub(r"\x1b\[[0-9;]*m", "", text))
    return unframed.strip()


def why(text: str) -> str:
    """Its errors in a line each, without where in a file that nobody wrote they arose."""
    found = re.findall(r"(?s)Error: (.*?)(?=\n(?:Error|Warning): |\Z)", plain(text))
    errors = [re.sub(r"\s+", " ", re.sub(r"\n(with|on) .*?\n", "\n", one)) for one in found]
    said = "; ".join(dict.fromkeys(one.strip() for one in errors)) or plain(text)
    return said[:LONGEST] or "it ended without a word"
