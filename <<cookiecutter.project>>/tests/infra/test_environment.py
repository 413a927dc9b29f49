"""An environment as it is declared; what runs is told beside it."""

import json
from pathlib import Path
from typing import Any

from gitops.targets.terraform.synth import synth
from tests.gitops import stacks

NAMES = {"docker_network", "docker_volume", "docker_container"}


def test_it_has_a_network_three_volumes_a_gateway_and_two_slots(dev: dict[str, Any]) -> None:
    made = {kind: set(found) for kind, found in dev["resource"].items()}

    assert made == {
        "docker_network": {"network"},
        "docker_volume": {"route", "secrets", "state"},
        "docker_container": {"gateway", "settings", "blue", "green"},
    }


def test_a_ground_adds_what_prometheus_is_told_and_nothing_else(
    dev: dict[str, Any], grounded: dict[str, Any]
) -> None:
    changed = {"docker_container": {"rules", "blue", "green"}}
    for kind, found in grounded["resource"].items():
        was = dev["resource"][kind]
        assert {name for name in found if found[name] != was.get(name)} == changed.get(kind, set())
    assert grounded["variable"] == dev["variable"]


def test_everything_bears_the_name_that_it_is_told(dev: dict[str, Any]) -> None:
    names = [one["name"] for kind in NAMES for one in dev["resource"][kind].values()]

    assert [name for name in names if not name.startswith("${var.stack}")] == []


def test_a_release_and_its_slot_are_variables(dev: dict[str, Any]) -> None:
    assert set(dev["variable"]) == {"stack", "gateway", "ip", "blue", "green"}
    for slot in ("blue", "green"):
        assert dev["variable"][slot]["nullable"]
        assert "default" not in dev["variable"][slot]


def test_all_environments_are_of_one_class(home: Path, tmp_path: Path) -> None:
    root = stacks.project(tmp_path / "project")
    path = root / "environments/uat.toml"
    path.write_text(path.read_text().replace('"process"', '"terraform"'))

    dev, uat = (json.loads(synth(home, root, name)) for name in ("dev", "uat"))

    for one in (dev, uat):
        one.pop("//")
    whole = json.dumps(dev).replace('"dev"', '"uat"').replace("dev/", "uat/")
    ports = [str(one["resource"]["docker_container"]["gateway"]["ports"][0]["external"])
             for one in (dev, uat)]  # fmt: skip
    assert json.loads(whole.replace(ports[0], ports[1])) == uat


def test_what_runs_elsewhere_is_not_declared(home: Path, project: Path) -> None:
    folder = next((home / "terraform/synth").iterdir()) / "stacks"

    assert "prod" not in [path.name for path in folder.iterdir()]


def test_the_provider_is_one_that_removes_nothing_to_look(dev: dict[str, Any]) -> None:
    needed = dev["terraform"]["required_providers"]["docker"]

    assert needed == {"source": "kreuzwerker/docker", "version": ">= 4.5.0, < 5.0.0"}
    assert dev["provider"]["docker"] == [{}]
