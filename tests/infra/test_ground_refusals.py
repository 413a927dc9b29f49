"""What can't be: one clear error each, before anything is made where that can be known."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import docker  # type: ignore[import-untyped]
import pytest

from ground import engine
from ground.changes import change, plain
from ground.home import Home
from ground.settings import Refused, read
from ground.terraform import Terraform
from grounds import Trial, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

why = missing()
on_an_engine = pytest.mark.skipif(why is not None, reason=str(why))


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path, f"refused-{os.getpid()}")


def refused(trial: Trial, *words: str, **more: str) -> str:
    """Return what a command says that must fail, having made nothing."""
    done = trial.run(*words, **more)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr


def command(folder: Path, script: str) -> str:
    """Return a PATH on which terraform is a script."""
    folder.mkdir()
    (folder / "terraform").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "terraform").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_wrong_settings(trial: Trial) -> None:
    trial.file.write_text(trial.file.read_text().replace("[keep]", "[kept]"))
    assert f"{trial.file}: kept: unknown key" in refused(trial, "up")
    assert not trial.home.exists()


def test_no_terraform(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    said = refused(trial, "up", PATH=str(tmp_path / "bin"))
    assert said == "error: no terraform on PATH: install 1.10 or newer, then run this again\n"


def test_an_old_terraform(trial: Trial, tmp_path: Path) -> None:
    path = command(tmp_path / "bin", """echo '{"terraform_version": "1.5.7"}'""")
    assert "is 1.5.7: 1.10 or newer is needed; update it" in refused(trial, "up", PATH=path)


def test_something_else_of_that_name(trial: Trial, tmp_path: Path) -> None:
    path = command(tmp_path / "bin", "echo what?")
    said = refused(trial, "up", PATH=path)
    assert said.endswith("bin/terraform: says no version; install terraform 1.10 or newer\n")


def test_no_engine(trial: Trial) -> None:
    said = refused(trial, "up", DOCKER_HOST="unix:///nowhere.sock")
    assert "no container engine answers" in said
    assert "apt-get install docker.io" in said
    assert len(said.splitlines()) == 1


@pytest.fixture
def old() -> Iterator[str]:
    """Return the address of an engine that says it is old."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"Version": "19.03.5", "ApiVersion": "1.44"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_old_engine(trial: Trial, old: str) -> None:
    said = refused(trial, "up", DOCKER_HOST=old)
    assert said == "error: the container engine is 19.03.5: 20.10 or newer is needed; update it\n"


@on_an_engine
def test_a_taken_port(trial: Trial) -> None:
    port = read(trial.file).ports.store
    with socket.create_server(("127.0.0.1", port)):
        said = refused(trial, "up")
    assert f"ports.store = {port}: 127.0.0.1:{port}: Address already in use" in said
    assert not trial.home.exists()


@on_an_engine
def test_an_image_that_is_not_there(trial: Trial) -> None:
    said = refused(trial, "up", GROUND_STORE_IMAGE="127.0.0.1:9/none:1")
    assert said.startswith("error: 127.0.0.1:9/none:1: not found, and can't be pulled: ")
    assert not trial.home.exists()


@on_an_engine
def test_a_provider_that_is_not_there(trial: Trial, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    said = refused(trial, "plan", HOME=str(tmp_path), HTTPS_PROXY=nowhere, https_proxy=nowhere)
    assert "run `.ci/provider`, which builds it" in said
    assert not (trial.home / "terraform.tfstate").exists()


@on_an_engine
def test_a_state_that_somebody_holds(trial: Trial) -> None:
    trial.done("plan") if trial.run("plan").returncode == 0 else None
    about = {"ID": "a-b", "Path": str(trial.home / "terraform.tfstate"), "Who": "me@here"}
    about |= {"Operation": "apply", "Info": "", "Version": "1.11.4"}
    about["Created"] = "2026-01-02T03:04:05Z"
    (trial.home / ".terraform.tfstate.lock.info").write_text(json.dumps(about))
    with (trial.home / "terraform.tfstate").open("w") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        said = refused(trial, "plan")
    assert "the state is locked by me@here since 2026-01-02 03:04:05" in said
    assert "wait until that run ends" in said


@on_an_engine
def test_a_lost_state_is_named_and_what_it_was_about_can_be_removed(trial: Trial) -> None:
    client: Any = docker.from_env()
    client.volumes.create(f"{trial.name}-rules", labels={"ground": trial.name})
    try:
        said = refused(trial, "up")
        assert "the state is lost" in said
        assert "make ground-destroy FORCE=1" in said
        assert "FORCE=1 removes 1 things" in refused(trial, "destroy")
        trial.done("destroy", "--force")
        assert not client.volumes.list(filters={"label": f"ground={trial.name}"})
    finally:
        for one in client.volumes.list(filters={"label": f"ground={trial.name}"}):
            one.remove()


@on_an_engine
def test_nothing_to_destroy(trial: Trial) -> None:
    assert "there is no ground to destroy" in refused(trial, "destroy")


def test_no_ground_for_a_project(trial: Trial) -> None:
    assert "run `make ground`" in refused(trial, "project", "flights")


@pytest.mark.parametrize("name", ["Flights", "fl", "mlflow", "a'b", "a" * 31, "1abc"])
def test_what_no_project_can_be_called(trial: Trial, name: str) -> None:
    assert f"NAME={name}: must be 3 to 30 lower-case letters" in refused(trial, "project", name)


def test_what_is_no_backup(trial: Trial, tmp_path: Path) -> None:
    assert "is no backup" in refused(trial, "restore", str(tmp_path))


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Engine:
        def info(self) -> dict[str, str]:
            return {"DockerRootDir": str(tmp_path)}

    class Usage:
        free = 100 * 2**20

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    with pytest.raises(Refused, match="100 MB are free, and 2048 are needed: the disk is full"):
        engine.disks_have_room(Engine(), tmp_path)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Error: write /x: no space left on device", "the disk is full"),
        ("Error: driver failed: port is already allocated", "a port is taken"),
        ("Error: no non-overlapping IPv4 address pool", "the engine has no addresses left"),
        ("Error: unable to pull image x: no such host", "an image can't be had"),
        (
            "Error: No valid credential sources found",
            "the bucket of [state] wants AWS_ACCESS_KEY_ID",
        ),
        ('Error: S3 bucket "states" does not exist.', "make the bucket first"),
        ('Error: Unable to list objects in S3 bucket "states"', "the bucket can't be read"),
        ("Error: Saved plan is stale", "another run changed it meanwhile"),
        (
            "Error: Error acquiring the state lock write /x: no space left on device",
            "the disk is full",
        ),
        ("Error: pinging docker server failed", "the container engine does not answer"),
    ],
)
def test_what_terraform_says_is_explained(tmp_path: Path, said: str, meant: str) -> None:
    failed = Terraform(Home(tmp_path), {}).failed("apply", f"╷\n│ {said}\n│\n╵\n")
    first, second = failed.splitlines()
    assert first == f"terraform apply: {said.removeprefix('Error: ')}"
    assert second.startswith(meant)


def test_a_lock_that_was_left_in_a_bucket_is_freed_by_a_command(tmp_path: Path) -> None:
    said = "Error: Error acquiring the state lock\n  ID:        1f-2\n  Path:      bucket/key\n"
    told = Terraform(Home(tmp_path), {}).failed("plan", f"{said}  Who:       me@here\n")
    assert "locked by me@here" in told
    assert told.endswith("force-unlock -force 1f-2")


def test_a_plan_is_told_in_a_persons_words() -> None:
    def one(*actions: str, kind: str = "docker_container") -> Any:
        about = {"name": "ground-store"}
        return {"type": kind, "change": {"actions": list(actions), "before": about, "after": None}}

    assert str(change(one("delete", "create"))) == "replaced: container ground-store"
    assert str(change(one("delete"))) == "destroyed: container ground-store"
    assert change(one("no-op")) is None
    assert change(one("create", kind="docker_image")) is None
    assert plain("store_container_F0C832FA") == "store"
