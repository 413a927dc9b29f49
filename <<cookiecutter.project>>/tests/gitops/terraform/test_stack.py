"""A stack's folder: what is declared, what is to run, what was made; here, or in a bucket."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops.settings import Refused
from gitops.targets.terraform import stack as stack_module
from gitops.targets.terraform.command import Terraform
from gitops.targets.terraform.stack import Placed, Stack
from tests.gitops import buckets
from tests.serving import bundles

pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="no terraform on PATH")

LOCAL = {"local": {"path": "terraform.tfstate"}}
BUCKET, KEY = "flights-state", "flights/dev.tfstate"
ONE = Placed("repository@sha256:0", "a" * 40, 7, serves=True, secrets=("LOG_HASH_KEY",))


def stack_of(backend: dict[str, Any], said: str = "true") -> bytes:
    """What no provider is needed for: it runs a command when it is made."""
    variables = {name: {"type": "any"} for name in ("stack", "blue", "green")}
    run = {"local-exec": {"command": said}}
    made = {"input": "${var.stack}", "provisioner": run}
    return json.dumps(
        {
            "terraform": {"backend": backend},
            "variable": variables,
            "resource": {"terraform_data": {"one": made}},
        }
    ).encode()


def placed(folder: Path, content: bytes) -> Stack:
    stack = Stack(folder)
    stack.declare(content)
    stack.place({"blue": None, "green": ONE}, {"stack": "flights-dev"})
    return stack


def test_what_was_placed_is_known_again(tmp_path: Path) -> None:
    stack = placed(tmp_path / "stack", stack_of(LOCAL))

    assert stack.slots == {"blue": None, "green": ONE}
    assert Stack(tmp_path).slots is None
    assert stack.folder.stat().st_mode & 0o077 == 0
    assert (stack.folder / "terraform.tfvars.json").stat().st_mode & 0o077 == 0


def test_it_is_initialised_once_for_the_same_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = placed(tmp_path / "stack", stack_of(LOCAL))
    asked: list[str] = []
    monkeypatch.setattr(Terraform, "run", lambda _, *words: asked.append(words[0]))

    stack.declare(stack_of(LOCAL, "false"))
    assert asked == []
    stack.declare(stack_of({"local": {"path": "other.tfstate"}}))
    assert asked == ["init"]


def test_what_was_looked_at_is_not_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = placed(tmp_path / "stack", stack_of(LOCAL))
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(Terraform, "run", lambda _, *words: asked.append(words))

    stack.apply("docker_container.blue")
    stack.apply(looked=True)

    assert ["-refresh=false" in words for words in asked] == [False, True]


@pytest.mark.parametrize(
    ("said", "fine"), [("Resource already managed by Terraform", True), ("no such network", False)]
)
def test_what_another_remembered_meanwhile_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, said: str, fine: bool
) -> None:
    stack = placed(tmp_path / "stack", stack_of(LOCAL))

    def run(_: Terraform, *words: str) -> None:
        raise Refused(f"terraform {words[0]}: {said}")

    monkeypatch.setattr(Terraform, "run", run)
    with contextlib.nullcontext() if fine else pytest.raises(Refused, match=said):
        stack.adopt("docker_network.network", "one")


def test_what_a_full_disk_left_of_its_first_step_is_said_again(tmp_path: Path) -> None:
    stack = placed(tmp_path / "one", stack_of(LOCAL))
    (stack.folder / ".terraform/terraform.tfstate").write_text("")
    (stack.folder / ".terraform/ready").unlink()

    stack.declare(stack_of(LOCAL))

    assert stack.remembered() == {}


def test_a_file_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            Stack(tmp_path).put("cdk.tf.json", b"{}" * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_empty_when_all_is_made(tmp_path: Path) -> None:
    stack = placed(tmp_path / "stack", stack_of(LOCAL))
    told, whole = stack.planned()
    assert told["resource_changes"][0]["change"]["actions"] == ["create"]
    assert "terraform_data.one will be created" in whole

    stack.apply()

    assert stack.planned() == ({}, "")
    assert list(stack.resources()) == ["terraform_data.one"]
    stack.destroy()
    assert stack.resources() == {}


def test_a_plan_beside_it_changes_nothing(tmp_path: Path) -> None:
    stack = placed(tmp_path / "stack", stack_of(LOCAL))
    stack.apply()
    before = {path.name: path.read_bytes() for path in stack.folder.iterdir() if path.is_file()}

    for backend in (LOCAL, {"local": {"path": "terraform.tfstate", "workspace_dir": "x"}}):
        content = stack_of(backend)
        with stack.beside(content, {"blue": None, "green": None}, {"stack": "other"}) as other:
            told, _ = other.planned()

    assert told["resource_changes"][0]["change"]["actions"] == ["update"]
    assert before == {
        path.name: path.read_bytes() for path in stack.folder.iterdir() if path.is_file()
    }


def test_a_state_that_is_no_state_is_put_aside(tmp_path: Path) -> None:
    stack = placed(tmp_path / "stack", stack_of(LOCAL))
    stack.apply()
    (stack.folder / "terraform.tfstate").write_text('{"version": 4, "resou')

    assert stack.resources() == {}
    assert (stack.folder / "terraform.tfstate.broken").is_file()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A bucket in a store that speaks like S3."""
    skipped = (
        "credentials_validation",
        "metadata_api_check",
        "region_validation",
        "requesting_account_id",
        "s3_checksum",
    )
    with buckets.store(tmp_path / "store", BUCKET, monkeypatch) as endpoint:
        yield {
            "s3": {
                "bucket": BUCKET,
                "key": KEY,
                "region": "us-east-1",
                "use_lockfile": True,
                "use_path_style": True,
                "endpoints": {"s3": endpoint},
                **{f"skip_{name}": True for name in skipped},
            }
        }


def lock_of(folder: Path) -> Path:
    return folder / "store" / BUCKET / f"{KEY}.tflock"


def test_two_applies_at_once_are_one_after_the_other(tmp_path: Path, store: dict[str, Any]) -> None:
    """From two machines: each has a folder of its own."""
    log = tmp_path / "log"
    said = f"echo begin | tee -a {log}; sleep 1; echo end | tee -a {log}"
    stacks = [placed(tmp_path / name, stack_of(store, said)) for name in ("one", "two")]

    threads = [threading.Thread(target=stack.apply) for stack in stacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * bundles.SECONDS)

    assert log.read_text().split() == ["begin", "end"]  # the second finds it made
    assert all(stack.planned() == ({}, "") for stack in stacks)
    assert not lock_of(tmp_path).exists()


def test_a_lock_that_was_left_is_named_with_the_command_that_frees_it(
    tmp_path: Path, store: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = placed(tmp_path / "one", stack_of(store, "sleep 60"))
    killed = subprocess.Popen(
        ["terraform", f"-chdir={stack.folder}", "apply", "-auto-approve"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    bundles.until(lock_of(tmp_path).exists)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(bundles.SECONDS)
    monkeypatch.setattr(stack_module, "WAIT", "0s")
    stack.declare(stack_of(store))

    with pytest.raises(Refused, match="its state is locked by ") as caught:
        stack.apply()

    (command,) = re.findall(r"free it: (terraform .*)", str(caught.value))
    words = command.replace("force-unlock", "force-unlock -force").split()  # and does not ask
    subprocess.run(words, check=True, capture_output=True, timeout=bundles.SECONDS)
    stack.apply()
    assert stack.planned() == ({}, "")
