"""The day cdktf ends is a change of imports: its continuation declares the same."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gitops.targets import interpreter
from gitops.targets.terraform.synth import declare

LOCK = "requirements/cdktn.txt"
RENAMED = (("cdktf_cdktf_provider_docker", "cdktn_provider_docker"), ("from cdktf ", "from cdktn "))


@pytest.fixture(scope="module")
def declared(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stacks of the same program with other imports."""
    folder = tmp_path_factory.mktemp("cdktn")
    root = folder / "project"
    shutil.copytree(project, root)
    for path in (root / "infra").glob("*.py"):
        text = path.read_text()
        for old, new in RENAMED:
            text = text.replace(old, new)
        path.write_text(text)
        assert "cdktf_" not in text
    python = interpreter.make(folder / "home", root, LOCK)
    declare(python, root, folder / "out")
    return folder / "out/stacks"


def without_notes(stack: Any) -> Any:
    """What terraform reads of it: notes stand under //."""
    if isinstance(stack, dict):
        return {key: without_notes(value) for key, value in stack.items() if key != "//"}
    return [without_notes(one) for one in stack] if isinstance(stack, list) else stack


@pytest.mark.parametrize("name", ["dev", "repository"])
def test_it_declares_the_same(declared: Path, name: str, request: pytest.FixtureRequest) -> None:
    other = json.loads((declared / name / "cdk.tf.json").read_text())

    assert without_notes(other) == without_notes(request.getfixturevalue(name))
    assert other["//"] != request.getfixturevalue(name)["//"]  # it is that of another program
