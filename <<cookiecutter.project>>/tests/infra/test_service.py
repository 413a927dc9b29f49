"""A slot's containers: few rights, limits from environments/, and what is written on them."""

from typing import Any

import pytest


@pytest.fixture(params=["blue", "green"])
def slot(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def declared(dev: dict[str, Any], slot: str) -> dict[str, Any]:
    found: dict[str, Any] = dev["resource"]["docker_container"][slot]
    return found


def test_there_are_as_many_as_workers_or_none(declared: dict[str, Any], slot: str) -> None:
    assert declared["count"] == f"${{var.{slot} == null ? 0 : 2}}"


def test_it_has_as_few_rights_as_will_do(declared: dict[str, Any]) -> None:
    assert declared["capabilities"] == {"drop": ["ALL"]}
    assert declared["security_opts"] == ["no-new-privileges"]
    assert declared["read_only"] is True
    assert declared["init"] is True
    assert "ports" not in declared
    assert "privileged" not in declared
    assert "user" not in declared  # that of its image, which is not root's or is refused


def test_its_limits_are_the_environment_s(declared: dict[str, Any]) -> None:
    assert declared["memory"] == declared["memory_swap"] == 2048
    assert declared["destroy_grace_seconds"] == 15
    assert declared["ulimit"] == [{"name": "nproc", "soft": 1024, "hard": 1024}]
    assert declared["log_opts"] == {"max-size": "10m", "max-file": "3"}


def test_its_labels_are_those_that_deployments_are_known_by(
    declared: dict[str, Any], slot: str
) -> None:
    labels = {one["label"]: one["value"] for one in declared["labels"]}

    assert labels == {
        "gitops.stack": "${var.stack}",
        "gitops.slot": slot,
        **{f"gitops.{key}": f"${{var.{slot}.{key}}}" for key in ("number", "tree", "image")},
    }
    assert declared["networks_advanced"][0]["aliases"] == [slot]


def test_a_ground_s_network_is_the_only_thing_that_it_changes(
    declared: dict[str, Any], grounded: dict[str, Any], slot: str
) -> None:
    other: dict[str, Any] = grounded["resource"]["docker_container"][slot]
    own, shared = other["networks_advanced"]

    assert other | {"networks_advanced": [own]} == declared
    # The same in both slots and with every release: Prometheus asks whoever answers to it.
    place = '${count.index == 0 ? "" : "-${count.index}"}'
    assert shared == {"aliases": ["${var.stack}-service" + place], "name": "ground-projects"}


def test_secrets_are_files_of_which_the_names_are_told(declared: dict[str, Any], slot: str) -> None:
    assert declared["env"] == (
        f'${{[for name in var.{slot}.secrets : "${{name}}_FILE=/secrets/${{name}}"]}}'
    )
    mounted = {one["container_path"] for one in declared["volumes"]}
    assert mounted == {"/state", "/secrets"}


def test_the_engine_starts_again_what_clients_were_led_to(
    declared: dict[str, Any], slot: str
) -> None:
    assert declared["restart"] == f'${{var.{slot}.serves ? "unless-stopped" : "no"}}'
