"""A project closes its loop on a ground: its runs, data, images and environments are made there."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker  # type: ignore[import-untyped]
import pytest
import yaml

import demo
from baking import ROOT, clean_environment
from gitops.context import stack_here
from ground.accounts import Tracking
from ground.signed import Store
from grounds import Trial, missing, ports, things

if TYPE_CHECKING:
    from collections.abc import Iterator

why = missing()
pytestmark = pytest.mark.skipif(why is not None, reason=str(why))
PROJECT, MODEL = "flights", "models/model.onnx"
ENVIRONMENTS = ("dev", "uat", "prod")
WORK = "demo/flights/.rehearsal/work"
SECONDS = 1200  # of a rehearsal: a busy machine took 400
GONE_SECONDS = 60  # in which what other tests have without a name is no more


@pytest.fixture(scope="module")
def before() -> dict[str, set[str]]:
    return things()


@pytest.fixture(scope="module")
def trial(before: dict[str, set[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    assert before
    found = Trial(tmp_path_factory.mktemp("rehearsed"), f"stage-{os.getpid()}")
    try:
        found.done("up")
        found.done("project", PROJECT)
        yield found
    finally:
        if found.home.exists() and (found.folder / WORK).exists():
            for name in ENVIRONMENTS:
                make(found, "destroy", f"ENV={name}", "FORCE=1")
        if found.home.exists():
            found.run("destroy", "--force")


@pytest.fixture(scope="module")
def told(trial: Trial) -> str:
    """Return what the demo says that was given what a ground gives to a project."""
    words = ["--every", "40", "--target", "terraform", "--port", str(ports(3)[0])]
    done = subprocess.run(
        [sys.executable, str(ROOT / "demo.py"), "--folder", str(trial.folder / "demo"), *words],
        env=clean_environment() | trial.given(PROJECT),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(trial: Trial, *words: str) -> str:
    """Run one of the project's commands, as somebody who has read what the ground gave."""
    done = subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=trial.folder / WORK,
        env=demo.environment() | trial.given(PROJECT),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def releases(trial: Trial) -> list[dict[str, Any]]:
    """Return the records of all releases."""
    said = git(trial, "for-each-ref", "--format=%(contents)%00", "refs/tags/release/")
    return [json.loads(one) for one in said.split("\0") if one.strip()]


def git(trial: Trial, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=trial.folder / WORK, capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


def test_the_loop_is_closed(told: str) -> None:
    assert told.count("Promote to ") == 4
    assert "Everything agrees with git; each service holds" in told, told


@pytest.mark.usefixtures("told")
def test_the_tracking_server_has_runs_versions_and_aliases(trial: Trial) -> None:
    given = trial.given(PROJECT)
    server = Tracking(given["MLFLOW_TRACKING_URI"], PROJECT, given["MLFLOW_TRACKING_PASSWORD"])
    model = server.ask("GET", f"registered-models/get?name={PROJECT}")["registered_model"]
    aliases = {one["alias"]: one["version"] for one in model["aliases"]}
    assert aliases == {"dev": "2", "uat": "2", "prod": "1"}
    experiment = server.ask("GET", f"experiments/get-by-name?experiment_name={PROJECT}")
    number = experiment["experiment"]["experiment_id"]
    runs = server.ask("POST", "runs/search", {"experiment_ids": [number]})["runs"]
    assert {one["model"]["run"] for one in releases(trial)} == {
        one["info"]["run_id"] for one in runs
    }


@pytest.mark.usefixtures("told")
def test_the_store_has_what_each_lock_names(trial: Trial) -> None:
    given = trial.given(PROJECT)
    store = Store(
        given["AWS_ENDPOINT_URL"], given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"]
    )
    for one in releases(trial):
        stages = yaml.safe_load(git(trial, "show", f"{one['commit']}:dvc.lock"))["stages"].values()
        (md5,) = (out["md5"] for stage in stages for out in stage["outs"] if out["path"] == MODEL)
        content = store.ask("GET", f"/{PROJECT}/files/md5/{md5[:2]}/{md5[2:]}")[1]
        assert hashlib.sha256(content).hexdigest() == one["model"]["sha256"]


@pytest.mark.usefixtures("told")
def test_the_registry_has_each_image_by_its_digest(trial: Trial) -> None:
    config = Path(trial.given(PROJECT)["DOCKER_CONFIG"], "config.json")
    (login,) = (one["auth"] for one in json.loads(config.read_text())["auths"].values())
    user, _ = base64.b64decode(login).decode().split(":")
    assert user == PROJECT
    address = trial.outputs()["registry"]
    for one in releases(trial):
        name, digest = one["image"].split("@")
        assert name == f"{address}/{PROJECT}"
        request = urllib.request.Request(
            f"http://{address}/v2/{PROJECT}/manifests/{digest}",
            headers={"Authorization": f"Basic {login}"},
            method="HEAD",
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            assert answer.headers["Docker-Content-Digest"] == digest


@pytest.mark.usefixtures("told")
def test_a_plan_changes_nothing(trial: Trial) -> None:
    for name in ENVIRONMENTS:
        assert f"**{name}**: nothing changes." in make(trial, "plan", f"ENV={name}")
    assert trial.run("plan").returncode == 0


@pytest.mark.usefixtures("told")
def test_nothing_is_left(trial: Trial, before: dict[str, set[str]]) -> None:
    """One environment leaves the others and the ground as they were; the ground asks first."""
    first = started(trial)
    make(trial, "destroy", "ENV=uat", "FORCE=1")
    left = started(trial)
    assert left == {name: when for name, when in first.items() if "-uat-" not in name}
    # A service, its gateway, and what wrote the settings of that and the rules of both.
    assert len(first) - len(left) == 4
    for name in ("dev", "prod"):
        make(trial, "destroy", f"ENV={name}", "FORCE=1")
    refused = trial.run("destroy")
    assert refused.returncode == 1
    assert f"images in {PROJECT}" in refused.stderr
    assert f"objects in the bucket {PROJECT}" in refused.stderr
    trial.done("destroy", "--force")
    deadline = time.monotonic() + GONE_SECONDS
    while more := {name for kind, names in things().items() for name in names - before[kind]}:
        assert time.monotonic() < deadline, more
        time.sleep(0.5)


def started(trial: Trial) -> dict[str, str]:
    """Return when each container of the ground and of the project was started, by its name."""
    client: Any = docker.from_env()
    stack = stack_here(PROJECT, trial.folder / "demo/flights/.rehearsal/origin.forge")
    found = client.containers.list(all=True, ignore_removed=True)
    return {
        one.name: one.attrs["State"]["StartedAt"]
        for one in found
        if one.name.startswith((f"{trial.name}-", f"{stack}-"))
    }
