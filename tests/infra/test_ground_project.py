"""A project on a ground: services reach its database, and its Prometheus watches them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import docker  # type: ignore[import-untyped]
import pytest
from docker.errors import NotFound  # type: ignore[import-untyped]
from pipeline import evaluate, features, ingest, train, validate
from tests.gitops import stacks
from tests.gitops.containers import Made, made, only
from tests.gitops.deploying import deploy, number
from tests.projects import ROOT, copy_project
from tests.serving.bundles import bundle_of, examples
from tests.serving.clients import Client

from gitops.settings import Refused
from gitops.targets import interpreter
from gitops.targets.terraform import synth
from gitops.targets.terraform.orphans import labelled
from grounds import Trial, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gitops.targets.terraform.target import Terraform

why = missing() or stacks.missing()
pytestmark = pytest.mark.skipif(why is not None, reason=str(why))
PROJECT = "flights"
FIRST, SECOND = "a" * 40, "b" * 40
GIVEN = ("GROUND_NETWORK", "GROUND_RULES", "PREDICTION_LOG_URL")
SECONDS = 120  # until Prometheus has looked, which it does every 15 s
ANSWERS = 150  # rows of one request
# Those of the one request: a deployment is verified with known rows.
COUNT = f"SELECT count(*) FROM predictions WHERE release = '{FIRST}' AND input LIKE '%row %'"  # noqa: S608
RULES = {
    "NoService",
    "ServiceDown",
    "ErrorRate",
    "Slow",
    "PredictionsDropped",
    "InputOutOfRange",
}


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Return a ground with one project; whatever happens, it goes."""
    found = Trial(tmp_path_factory.mktemp("ground"), f"watch-{os.getpid()}")
    try:
        found.done("up")
        found.done("project", PROJECT)
        yield found
    finally:
        if found.home.exists():
            found.done("destroy", "--force")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a release of few flights."""
    folder = tmp_path_factory.mktemp("trained")
    copy_project(folder, "params.yaml", "pyproject.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        for stage in (ingest, validate, features, train, evaluate):
            stage.main()
    return bundle_of(folder, tmp_path_factory.mktemp("release") / "bundle")


@pytest.fixture(scope="module")
def first(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(bundle, tmp_path_factory.mktemp("first") / "bundle", FIRST)


@pytest.fixture(scope="module")
def deployed(
    trial: Trial, first: Made, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terraform]:
    """Return an environment that is told of the ground as a project is; it serves."""
    declarers = tmp_path_factory.mktemp("declarers")
    interpreter.make(declarers, ROOT, synth.LOCK)
    given = trial.given(PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        for name in GIVEN:
            patch.setenv(name, given[name])
        folder = tmp_path_factory.mktemp("deployed")
        with stacks.target(folder, declarers / "interpreters") as found:
            deploy(found, 1, *first)
            yield found


def prometheus(trial: Trial, path: str) -> Any:
    """Ask it, as whoever keeps the ground may."""
    user = f"ground:{(trial.home / 'passwords/observation').read_text()}"
    signed = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    url = f"{trial.outputs()['prometheus']}/api/v1/{path}"
    request = urllib.request.Request(url, headers=signed)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return json.load(response)["data"]


def until(look: Callable[[], object]) -> Any:
    """Wait for something that must happen, and return it."""
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


def watched(trial: Trial, target: Terraform) -> list[dict[str, Any]]:
    """Return the targets of an environment."""
    found = prometheus(trial, "targets")["activeTargets"]
    return [one for one in found if one["labels"].get("stack") == target.stack]


def rules(trial: Trial, target: Terraform) -> dict[str, dict[str, Any]]:
    """Return the rules of an environment, by name."""
    groups = prometheus(trial, "rules")["groups"]
    return {
        rule["name"]: rule
        for group in groups
        if group["name"] == target.stack
        for rule in group["rules"]
    }


def heard(trial: Trial, target: Terraform) -> str:
    """Return the release that Prometheus has heard of last."""
    query = urllib.parse.quote(f'service_info{{stack="{target.stack}"}}')
    found = prometheus(trial, f"query?query={query}")["result"]
    return str(found[0]["metric"]["release"]) if found else ""


def kept(trial: Trial) -> list[str]:
    """Return the files that Prometheus finds of projects."""
    found = docker.from_env().containers.get(f"{trial.name}-prometheus")
    return sorted(found.exec_run(["ls", "/rules"]).output.decode().split())


def asked(given: dict[str, str], sql: str) -> str:
    """Ask the project's database as the service does: by its network and its password."""
    words = ["psql", given["PREDICTION_LOG_URL"], "-qAtc", sql]
    image, network = os.environ["GROUND_DATABASE_IMAGE"], given["GROUND_NETWORK"]
    said = docker.from_env().containers.run(image, words, network=network, remove=True)
    return str(said.decode().strip())


def test_predictions_are_in_the_ground_s_database(
    deployed: Terraform, trial: Trial, bundle: Path
) -> None:
    row = examples(bundle)[0]["row"]
    client = Client(deployed.url)
    rows = [{**row, "id": f"row {place}"} for place in range(ANSWERS)]
    assert client.predict(rows).status == 200
    client.close()

    until(lambda: asked(trial.given(PROJECT), COUNT) == str(ANSWERS))


def test_prometheus_asks_the_service_and_holds_its_rules(deployed: Terraform, trial: Trial) -> None:
    until(lambda: [one["health"] for one in watched(trial, deployed)] == ["up"])

    until(lambda: heard(trial, deployed) == FIRST)
    found = until(lambda: rules(trial, deployed))
    assert set(found) == RULES
    until(lambda: {one["health"] for one in rules(trial, deployed).values()} == {"ok"})
    # Rules may be looked at before the service was asked for the first time.
    until(lambda: {one["state"] for one in rules(trial, deployed).values()} == {"inactive"})
    assert kept(trial) == [f"{deployed.stack}.json", f"{deployed.stack}.yml"]


def test_nothing_is_otherwise_afterwards(deployed: Terraform) -> None:
    assert deployed.drift() == []
    assert deployed.plan(deployed.root) == ([], "")


def test_a_service_is_on_the_ground_s_network_and_the_gateway_is_not(
    deployed: Terraform, trial: Trial
) -> None:
    network = trial.given(PROJECT)["GROUND_NETWORK"]
    on = only(deployed).attrs["NetworkSettings"]["Networks"]
    gateway = deployed.gateway.container(deployed.gateway.name)

    assert set(on) == {deployed.stack, network}
    assert f"{deployed.stack}-service" in on[network]["Aliases"]
    assert set(gateway.attrs["NetworkSettings"]["Networks"]) == {deployed.stack}


def test_no_password_is_told(deployed: Terraform, trial: Trial) -> None:
    password = (trial.home / f"projects/{PROJECT}/passwords/database").read_text()
    assert password in trial.given(PROJECT)["PREDICTION_LOG_URL"]
    _, whole = deployed.plan(deployed.root, released=True)
    told = [whole, *(json.dumps(one.attrs) for one in labelled(deployed.client, deployed.stack))]
    folders = (deployed.folder, deployed.home / "terraform/synth")
    for file in [path for folder in folders for path in folder.rglob("*") if path.is_file()]:
        if ".terraform" not in file.parts:
            told.append(file.read_text())

    assert len(told) > 8
    assert [text for text in told if password in text] == []
    assert "PREDICTION_LOG_URL_FILE=/secrets/PREDICTION_LOG_URL" in "".join(told)


def test_a_new_release_is_watched_without_a_word_of_it(
    deployed: Terraform, trial: Trial, bundle: Path, tmp_path: Path
) -> None:
    stays = {one.name: one.id for one in labelled(deployed.client, deployed.stack)}
    del stays[only(deployed).name]
    assert len(stays) == 3  # a gateway, its settings, and what Prometheus is told

    deploy(deployed, 2, *made(bundle, tmp_path / "second", SECOND))

    now = {one.name: one.id for one in labelled(deployed.client, deployed.stack)}
    assert stays.items() <= now.items()
    until(lambda: heard(trial, deployed) == SECOND)
    assert rules(trial, deployed)["NoService"]["state"] != "firing"
    assert deployed.drift() == []


def test_a_service_that_ends_is_an_alert_until_it_is_mended(
    deployed: Terraform, trial: Trial
) -> None:
    only(deployed).stop()

    until(lambda: rules(trial, deployed)["NoService"]["state"] in ("pending", "firing"))
    deployed.mend()
    until(lambda: rules(trial, deployed)["NoService"]["state"] == "inactive")
    assert number(deployed) == 2


def test_other_limits_reach_prometheus_with_the_next_apply(
    deployed: Terraform, trial: Trial
) -> None:
    path, container = deployed.root / "environments/dev.toml", only(deployed).id
    path.write_text(path.read_text().replace("p99_seconds = 0.25", "p99_seconds = 0.5"))
    (change,) = deployed.plan(deployed.root)[0]
    assert (change.kind, change.verb, change.interrupts(None)) == ("container", "replaced", False)

    deployed.conform()

    until(lambda: rules(trial, deployed)["Slow"]["query"].count("> 0.5"))
    assert only(deployed).id == container
    assert deployed.plan(deployed.root) == ([], "")


def test_the_ground_is_not_destroyed_while_it_is_in_use(deployed: Terraform, trial: Trial) -> None:
    said = trial.run("destroy", given=f"{trial.name}\n")

    assert said.returncode == 1
    assert f"{only(deployed).name} on its network" in said.stderr


@pytest.mark.parametrize("name", ["GROUND_NETWORK", "GROUND_RULES"])
def test_one_that_is_not_there_is_refused_before_anything_is_made(
    deployed: Terraform, first: Made, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "nobody-s")
    with stacks.target(tmp_path, deployed.home / "interpreters") as target:
        with pytest.raises(Refused, match=f"{name}=nobody-s: not on this engine; make"):
            target.start(1, *first)
        assert labelled(target.client, target.stack) == []


def test_what_leaves_the_ground_is_not_watched_any_more(
    deployed: Terraform, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GROUND_RULES")
    deployed.conform()
    assert kept(trial) == []
    monkeypatch.undo()
    deployed.conform()
    assert len(kept(trial)) == 2


def test_what_is_stopped_is_not_watched_until_it_is_deployed_again(
    deployed: Terraform, trial: Trial, first: Made
) -> None:
    deployed.stop()
    assert kept(trial) == []

    deploy(deployed, 1, *first)

    assert kept(trial) == [f"{deployed.stack}.json", f"{deployed.stack}.yml"]
    assert deployed.drift() == []


def test_destroying_it_leaves_nothing_on_the_ground(deployed: Terraform, trial: Trial) -> None:
    deployed.clear()

    assert kept(trial) == []
    until(lambda: not rules(trial, deployed))
    until(lambda: not watched(trial, deployed))
    assert labelled(deployed.client, deployed.stack) == []


def test_destroyed_by_force_it_parts_with_those_who_use_it(trial: Trial) -> None:
    """Whoever is on its network runs on; who only wrote to its volume has nothing more to do."""
    client, given = docker.from_env(), trial.given(PROJECT)
    image, volume = os.environ["GROUND_DATABASE_IMAGE"], given["GROUND_RULES"]
    mount = {volume: {"bind": "/rules", "mode": "rw"}}
    holding = client.containers.create(image, ["true"], volumes=mount, network_mode="none")
    on = client.containers.run(
        image, ["sleep", "600"], network=given["GROUND_NETWORK"], init=True, detach=True
    )
    try:
        trial.done("destroy", "--force")
        on.reload()
        assert on.status == "running"
        assert on.attrs["NetworkSettings"]["Networks"] == {}
        assert holding.id not in {one.id for one in client.containers.list(all=True)}
        assert not trial.home.exists()
    finally:
        for one in (on, holding):
            with contextlib.suppress(NotFound):
                one.remove(force=True)
