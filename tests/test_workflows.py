"""Workflows keep the schema and the rules of safety, here and in a baked repository."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from baking import ROOT

TEMPLATE = ROOT / "<<cookiecutter.project>>"
WORKFLOWS = [path for root in (ROOT, TEMPLATE) for path in (root / ".github/workflows").iterdir()]
TOOLS = [
    ("zizmor", "--offline", "--quiet", "--persona", "pedantic"),
    ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
]


@pytest.mark.parametrize("tool", TOOLS, ids=[name for name, *_ in TOOLS])
def test_tools_find_nothing(tool: tuple[str, ...]) -> None:
    name, *options = tool
    program = Path(sys.executable).parent / name
    command = [str(program), *options, *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_are_bounded_and_actions_pinned(path: Path) -> None:
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert "concurrency" in workflow
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", action)
