"""What Prometheus makes of an environment's rules: its own tool tells, for hours in an instant."""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import Any

import docker  # type: ignore[import-untyped]
import pytest
from tests.projects import ROOT

from grounds import missing
from infra import alerts, settings

pytestmark = pytest.mark.skipif(bool(why := missing()), reason=str(why))

STACK = "flights-dev"
OWN = f'stack="{STACK}", instance="a", worker="7"'
ASKED = f'service_requests_total{{{OWN}, route="/predict", status="200"}}'
FAILED = ASKED.replace("200", "500")
WATCHED = ASKED.replace("/predict", "/metrics")
FAST, ALL = (f'service_request_seconds_bucket{{{OWN}, le="{le}"}}' for le in ("0.1", "+Inf"))
SLOW = FAST.replace("0.1", "1.0")
DROPPED = f"service_log_dropped{{{OWN}}}"
OUTSIDE = f'service_out_of_range_total{{{OWN}, field="distance"}}'
ROWS = f'service_predictions_total{{{OWN}, class="true"}}'
RELEASE = f'service_info{{{OWN}, release="aaa"}}'
UP = f'up{{stack="{STACK}", instance="a"}}'
OTHER = UP.replace('"a"', '"b"')
# Looks at 15 seconds each: an hour and a quarter of something that goes on.
ON, OFF, SOME, MANY, FEW = "1x300", "0x300", "0+1x300", "0+50x300", "0+0.1x300"
WELL = {UP: ON, RELEASE: ON}
CASES: dict[str, tuple[dict[str, str], set[str]]] = {
    "all is well": ({ASKED: MANY, FAST: MANY, ALL: MANY, ROWS: MANY, DROPPED: OFF}, set()),
    "nobody asks": ({}, set()),
    "it ended": ({UP: "1x280 0x20"}, {"NoService"}),
    "it was never there": ({UP: "_x300", RELEASE: "_x300"}, {"NoService"}),
    "it starts again": ({UP: "1x297 0x2 1"}, set()),
    "one of two ended": ({OTHER: OFF}, {"ServiceDown"}),
    "a few errors": ({ASKED: MANY, FAILED: FEW}, set()),
    "many errors": ({ASKED: MANY, FAILED: SOME}, {"ErrorRate"}),
    "one of few": ({ASKED: FEW, FAILED: FEW}, set()),
    "only those who watch are answered": (
        {WATCHED: "0+1000x300", ASKED: MANY, FAILED: SOME},
        {"ErrorRate"},
    ),
    "a tenth is slow": ({FAST: "0+9x300", SLOW: "0+10x300", ALL: "0+10x300"}, {"Slow"}),
    "some were dropped": ({DROPPED: "0x290 5x10"}, {"PredictionsDropped"}),
    "they were dropped long ago": ({DROPPED: "0x100 5x200"}, set()),
    "other inputs": ({OUTSIDE: "0+5x300", ROWS: MANY}, {"InputOutOfRange"}),
    "a few other inputs": ({OUTSIDE: SOME, ROWS: MANY}, set()),
    "a release takes over": (
        {ASKED: MANY, FAILED: SOME, RELEASE.replace('"a"', '"b"').replace("aaa", "bbb"): ON},
        {"ErrorRate"},
    ),
    "another environment's": ({UP.replace(STACK, "flights-uat"): OFF}, set()),
}


def judged(files: dict[str, str]) -> tuple[int, str]:
    """Run the tool in the image of Prometheus, which brings it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content := text.encode())
            archive.addfile(about, io.BytesIO(content))
    image = os.environ["GROUND_PROMETHEUS_IMAGE"]
    words = ["promtool", "test", "rules", "/tmp/cases.json"]  # noqa: S108  of the container
    container = docker.from_env().containers.create(
        image, entrypoint=words, network_mode="none", cap_drop=["ALL"]
    )
    try:
        container.put_archive("/tmp", packed.getvalue())  # noqa: S108
        container.start()
        code = container.wait(timeout=120)["StatusCode"]
        return code, container.logs().decode()
    finally:
        container.remove(force=True)


def case(name: str) -> dict[str, Any]:
    """Return a story of more than an hour, and who has to know at its end."""
    told, expected = CASES[name]
    summed = "count by (alertname) (ALERTS{alertstate='firing'})"
    labels = [f'{{alertname="{alert}"}}' for alert in sorted(expected)]
    return {
        "name": name,
        "interval": "15s",
        "input_series": [{"series": one, "values": at} for one, at in (WELL | told).items()],
        "promql_expr_test": [
            {
                "expr": summed,
                "eval_time": "75m",
                "exp_samples": [{"labels": one, "value": 1} for one in labels],
            }
        ],
    }


@pytest.fixture(scope="module")
def rules() -> str:
    dev = settings.read(ROOT / "environments/dev.toml")
    (found,) = (text for path, text in alerts.files("flights", dev).items() if "yml" in path)
    return found.replace(alerts.STACK, STACK)


def test_those_who_have_to_know_are_told_and_nobody_else(rules: str) -> None:
    cases = [case(name) for name in CASES]
    told = {"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": cases}

    code, said = judged({"rules.yml": rules, "cases.json": json.dumps(told)})

    assert code == 0, said


def test_an_alert_says_of_which_release_it_is(rules: str) -> None:
    found = case("other inputs")
    labels = {"environment": "dev", "project": "flights", "stack": STACK, "severity": "ticket"}
    share = "10%"
    summary = f"{STACK}: in {share} of rows distance is beyond the training"
    expected = {
        "exp_labels": labels | {"release": "aaa", "field": "distance"},
        "exp_annotations": {"summary": summary},
    }
    found["alert_rule_test"] = [
        {"eval_time": "75m", "alertname": "InputOutOfRange", "exp_alerts": [expected]}
    ]
    told = {"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": [found]}

    code, said = judged({"rules.yml": rules, "cases.json": json.dumps(told)})

    assert code == 0, said
