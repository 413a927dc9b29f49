"""terraform is asked in a stack's folder; what it refuses becomes a line that says what to do."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitops.settings import Refused
from gitops.targets.terraform import command
from gitops.targets.terraform.command import Terraform, environment, why
from tests.projects import ROOT
from tests.serving.bundles import SECONDS, until

needed = pytest.mark.skipif(not shutil.which("terraform"), reason="no terraform on PATH")
LOCAL = '{"terraform": {"backend": {"local": {"path": "terraform.tfstate"}}}}'
DOCKER = '{"terraform": {"required_providers": {"docker": {"source": "kreuzwerker/docker"}}}}'


def fake(folder: Path, patch: pytest.MonkeyPatch, *lines: str) -> Terraform:
    """A terraform that does this."""
    path = folder / "terraform"
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return Terraform(folder)


def real(folder: Path, stack: str) -> Terraform:
    (folder / "cdk.tf.json").write_text(stack)
    return Terraform(folder)


def test_one_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Refused, match=r"no terraform on PATH: install terraform 1\.10 or"):
        Terraform(tmp_path).run("plan")


def test_one_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terraform = fake(tmp_path, monkeypatch, """echo '{"terraform_version": "1.9.8"}'""")

    with pytest.raises(Refused, match=r"terraform is 1\.9\.8, too old: install"):
        terraform.run("plan")


def test_something_else_of_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform = fake(tmp_path, monkeypatch, "echo what? >&2; exit 3")

    with pytest.raises(Refused, match=r"terraform: says no version: what\?"):
        terraform.run("plan")


def test_one_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = """[ "$1" = version ] && echo '{"terraform_version": "1.11.4"}' && exit"""
    terraform = fake(tmp_path, monkeypatch, version, "exec sleep 60")
    monkeypatch.setattr(command, "SECONDS", 0.2)

    with pytest.raises(Refused, match=r"terraform apply: not done after 0\.2 s"):
        terraform.run("apply")


def test_an_interrupt_of_the_terminal_asks_it_once_to_end(tmp_path: Path) -> None:
    """Asked twice, it would drop what it has made, and leave its lock."""
    seen = tmp_path / "seen"
    with pytest.MonkeyPatch.context() as patch:
        fake(
            tmp_path,
            patch,
            """[ "$1" = version ] && echo '{"terraform_version": "1.11.4"}' && exit""",
            f"trap 'echo interrupted | tee -a {seen}' INT",
            f"trap 'echo asked | tee -a {seen}; exit 1' TERM",
            f"echo begun | tee -a {seen}",
            "while :; do sleep 0.1; done",
        )
        code = (
            "import sys; from pathlib import Path; from gitops.targets.terraform import command\n"
        )
        code += "command.Terraform(Path(sys.argv[1])).run('apply')"
        words = [sys.executable, "-c", code, str(tmp_path)]
        running = subprocess.Popen(
            words, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True
        )
        until(seen.exists)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=SECONDS)

    assert seen.read_text().split() == ["begun", "asked"]
    assert "KeyboardInterrupt" in said


@needed
def test_a_provider_that_is_nowhere_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f'filesystem_mirror {{ path = "{tmp_path}/none" }}'
    (tmp_path / "rc").write_text(f"provider_installation {{\n {place}\n}}\n")
    (tmp_path / "none").mkdir()
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "rc"))

    with pytest.raises(Refused, match=r"r kreuzwerker/docker can't be had: let this machine"):
        real(tmp_path, DOCKER).run("init", "-input=false")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """As terraform locks a state of this machine, and says who it is."""
    (path.parent / f".{path.name}.lock.info").write_text(
        '{"ID": "0c39", "Operation": "apply", "Who": "ada@mill", "Version": "1.11.4", '
        '"Created": "2026-01-02T03:04:05Z"}'
    )
    with path.open("a+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


@needed
def test_a_lock_names_its_holder_and_the_command_that_frees_it(tmp_path: Path) -> None:
    terraform = real(tmp_path, LOCAL)
    terraform.run("init", "-input=false")

    with (
        locked(tmp_path / "terraform.tfstate"),
        pytest.raises(Refused) as caught,
    ):
        terraform.run("apply", "-auto-approve", "-lock-timeout=0s")

    assert "its state is locked by ada@mill, since 2026-01-02" in str(caught.value)
    assert f"terraform -chdir={tmp_path} force-unlock 0c39" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Error: write /x: no space left on device", "the disk is full: make room"),
        (
            "Error: Error acquiring the state lock\n\nwrite /x: no space left on device",
            "the disk is full: make room",
        ),
        (
            "Error: Unable to start container: bind: address already in use",
            "its address is taken; end what holds it",
        ),
        ("Error: Error refreshing state: NoSuchBucket", "its state can't be read: Error refr"),
    ],
)
def test_what_happens_to_people_is_told_with_what_to_do(
    tmp_path: Path, said: str, told: str
) -> None:
    assert told in Terraform(tmp_path).explained(said)


def test_errors_are_a_line_each_and_without_a_frame() -> None:
    said = (
        "\x1b[31m╷\x1b[0m\n│ Error: Invalid thing\n│ \n│   on cdk.tf.json line 3, in terraform:\n"
        "│    3:     x\n│ \n│ It is\n│ not right.\n╵\n╷\n│ Error: Another\n╵\n"
    )

    assert why(said) == "Invalid thing 3: x It is not right.; Another"
    assert why("") == "it ended without a word"


def test_nothing_is_asked_of_a_person_and_the_engine_is_ours() -> None:
    given = environment(
        {"TF_CLI_ARGS": "-x", "TF_CLI_CONFIG_FILE": "/nowhere", "AWS_REGION": "here"}
    )

    assert given["TF_INPUT"] == "0"
    assert given["DOCKER_HOST"]
    assert given["AWS_REGION"] == "here"
    assert {"TF_CLI_ARGS", "TF_CLI_CONFIG_FILE"}.isdisjoint(given)


@needed
def test_an_exit_code_that_means_changes_is_no_failure(tmp_path: Path) -> None:
    terraform = real(tmp_path, LOCAL.replace("{", '{"output": {"a": {"value": "b"}}, ', 1))
    terraform.run("init", "-input=false")

    done = terraform.run("plan", "-detailed-exitcode", may=(0, 2))

    assert done.returncode == 2
    assert isinstance(done, subprocess.CompletedProcess)
