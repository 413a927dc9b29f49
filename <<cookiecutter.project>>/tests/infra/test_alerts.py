"""Whom Prometheus asks, and when somebody has to know: by names that services really have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.metrics import Metrics
from serving.ranges import Ranges
from tests.projects import ROOT

GAUGES = re.compile(r'"(log_\w+)": \("')


@pytest.fixture
def files(grounded: dict[str, Any]) -> dict[str, Any]:
    """What is written, by its ending."""
    uploads = grounded["resource"]["docker_container"]["rules"]["upload"]
    return {Path(one["file"]).suffix: json.loads(one["content"]) for one in uploads}


@pytest.fixture
def rules(files: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (group,) = files[".yml"]["groups"]
    assert group["name"] == "${var.stack}"
    return {one["alert"]: one for one in group["rules"]}


def test_each_of_several_containers_is_asked(files: dict[str, Any]) -> None:
    (targets,) = files[".json"]

    assert targets["targets"] == ["${var.stack}-service:8000", "${var.stack}-service-1:8000"]
    assert targets["labels"] == {"stack": "${var.stack}"}


def test_each_rule_is_of_this_environment_alone(rules: dict[str, dict[str, Any]]) -> None:
    for one in rules.values():
        selected = re.findall(r"\w+\{([^}]*\}?[^}]*)\}", one["expr"])
        assert selected
        assert all('stack="${var.stack}"' in inside for inside in selected), one
        assert one["labels"]["environment"] == "dev"
        assert one["labels"]["project"] == "flights"
        assert one["labels"]["severity"] in ("page", "ticket")
        assert one["annotations"]["summary"].startswith("${var.stack}: ")


def test_its_limits_are_the_environment_s(rules: dict[str, dict[str, Any]]) -> None:
    assert " > 0.01 " in rules["ErrorRate"]["expr"]
    assert " > 0.25)" in rules["Slow"]["expr"]
    assert " > 0.05 " in rules["InputOutOfRange"]["expr"]


def test_services_have_what_rules_ask_for(rules: dict[str, dict[str, Any]]) -> None:
    """Metrics and labels, as a service that has answered and refused tells them."""
    names = GAUGES.findall((ROOT / "serving/start.py").read_text())
    gauges = {name: ("", lambda: 0.0) for name in names}
    about = {"release": "a", "model": "b", "environment": "dev"}
    metrics = Metrics(about, ["age"], 0.5, Ranges({"age": (0.0, 1.0)}), gauges)
    metrics.answered("/predict", 500, 0.1)
    said = metrics.exposition()[0].decode()
    known = {"up": {"stack"}}
    for family in text_string_to_metric_families(said):
        for sample in family.samples:
            known.setdefault(sample.name, {"stack"}).update(sample.labels)

    told = json.dumps([one["expr"] for one in rules.values()])
    asked = re.findall(r"(\w+)\{(.*?\\\")\}", told)
    assert {name for name, _ in asked} >= {"service_requests_total", "service_log_dropped"}
    for name, inside in asked:
        assert set(re.findall(r"(\w+)(?:=~|!~|=)", inside)) <= known.get(name, set()), name
    assert "field" in known["service_out_of_range_total"]
    assert "release" in known["service_info"]
