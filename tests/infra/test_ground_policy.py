"""What a scanner says of the image and of the JSON that terraform is given.

It knows no rule for containers of this provider: those are in test_ground_stack.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from baking import ROOT, clean_environment
from grounds import Trial, python

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 300  # to install it: half a minute on a slow line
KINDS = ("dockerfile", "secrets", "terraform", "terraform_json")
EXCEPTIONS = {
    "CKV_DOCKER_7": "the base is an argument; ground.toml gives it by digest, and refuses a tag",
}


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command, in an environment of its own: it pins much."""
    folder = tmp_path_factory.mktemp("scanner")
    uv, env = str(ROOT / ".venv/bin/uv"), clean_environment() | {"VIRTUAL_ENV": str(folder)}
    for command in (
        [uv, "venv", "--quiet", "--allow-existing", str(folder)],
        [uv, "pip", "sync", "--quiet", str(ROOT / "requirements/checkov.txt")],
    ):
        subprocess.run(command, env=env, check=True, capture_output=True, timeout=SECONDS)
    return folder / "bin/checkov"


def scan(scanner: Path, folder: Path, *words: str) -> list[dict[str, Any]]:
    """Return what it found, kind by kind."""
    kinds = ["--framework", *KINDS, "--skip-download", "--output", "json"]
    done = subprocess.run(
        [str(scanner), "--directory", str(folder), *kinds, *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    found = json.loads(done.stdout)
    return found if isinstance(found, list) else [found]


def failed(found: list[dict[str, Any]]) -> set[str]:
    return {one["check_id"] for kind in found for one in kind["results"]["failed_checks"]}


def test_nothing_fails_but_what_has_a_reason(scanner: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "infra/files/tracking.Dockerfile", tmp_path)
    trial = Trial(tmp_path, "scanned")

    env = trial.environment(CDKTF_OUTDIR=str(tmp_path / "out"), GROUND_FILE=str(trial.file))
    env["PATH"] = f"{python().parent}:{env['PATH']}"
    program = [str(python()), str(ROOT / "infra/main.py")]
    subprocess.run(program, env=env, check=True, capture_output=True, timeout=SECONDS)
    found = scan(scanner, tmp_path)
    assert failed(found) == set(EXCEPTIONS)
    assert sum(kind["summary"]["passed"] for kind in found) > 20


def test_it_would_see_what_is_wrong(scanner: Path, tmp_path: Path) -> None:
    text = (ROOT / "infra/files/tracking.Dockerfile").read_text("utf-8")
    assert "USER 65532:65532" in text
    (tmp_path / "Dockerfile").write_text(text.replace("USER 65532:65532", "USER root"))
    assert "CKV_DOCKER_8" in failed(scan(scanner, tmp_path))
