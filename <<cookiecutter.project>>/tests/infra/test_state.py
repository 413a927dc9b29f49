"""Where terraform remembers: beside the stack, or in a bucket that locks itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from gitops.targets.terraform.synth import synth


def test_it_lies_beside_the_stack(dev: dict[str, Any]) -> None:
    assert dev["terraform"]["backend"] == {"local": {"path": "terraform.tfstate"}}


def test_a_team_s_lies_in_a_bucket_and_no_key_stands_anywhere(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_BUCKET", "flights-state")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:7070")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-key-of-a-store")  # pragma: allowlist secret

    text = synth(home, project, "dev").decode()

    (backend,) = json.loads(text)["terraform"]["backend"].values()
    assert backend["bucket"] == "flights-state"
    assert backend["key"] == "flights/dev.tfstate"
    assert backend["use_lockfile"] is True
    assert backend["endpoints"] == {"s3": "http://127.0.0.1:7070"}
    assert "a-key-of-a-store" not in text
