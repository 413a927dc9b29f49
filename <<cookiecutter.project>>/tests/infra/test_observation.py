"""What Prometheus is told, and by whom: one that never runs, and has no way anywhere."""

import json
from pathlib import Path
from typing import Any

import pytest

from gitops.targets.terraform.synth import synth


@pytest.fixture
def writer(grounded: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = grounded["resource"]["docker_container"]["rules"]
    return found


def test_it_never_runs_and_may_do_nothing(writer: dict[str, Any]) -> None:
    assert (writer["start"], writer["must_run"], writer["network_mode"]) == (False, False, "none")
    assert writer["capabilities"] == {"drop": ["ALL"]}
    assert writer["user"] == "65534:65534"
    assert "ports" not in writer
    assert writer["volumes"] == [{"container_path": "/rules", "volume_name": "ground-rules"}]


def test_its_files_bear_the_environment_s_name_and_no_secret(writer: dict[str, Any]) -> None:
    paths = [one["file"] for one in writer["upload"]]

    assert paths == ["/rules/${var.stack}.json", "/rules/${var.stack}.yml"]
    assert {one["permissions"] for one in writer["upload"]} == {"0444"}


def test_nobody_is_watched_for_before_the_first_release(writer: dict[str, Any]) -> None:
    assert writer["count"] == "${var.blue == null && var.green == null ? 0 : 1}"


def test_others_are_written_before_the_former_goes(
    writer: dict[str, Any], home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUND_NETWORK", "ground-projects")
    monkeypatch.setenv("GROUND_RULES", "other-rules")
    resources = json.loads(synth(home, project, "dev"))["resource"]
    other = resources["docker_container"]["rules"]

    assert writer["lifecycle"] == {"create_before_destroy": True}
    assert writer["name"].startswith("${var.stack}-rules-")
    assert other["name"] != writer["name"]
    labels = {one["label"]: one["value"] for one in other["labels"]}
    assert labels == {"gitops.stack": "${var.stack}", "gitops.rules": "other-rules"}


def test_a_network_alone_is_joined_and_nobody_is_told(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUND_NETWORK", "ground-projects")
    resources = json.loads(synth(home, project, "dev"))["resource"]

    assert "rules" not in resources["docker_container"]
    assert len(resources["docker_container"]["blue"]["networks_advanced"]) == 2
