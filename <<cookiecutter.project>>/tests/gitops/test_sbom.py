"""The list of an image's packages: right by CycloneDX's schema, and the same each time."""

import json
import re
import shutil
from pathlib import Path

import pytest

from gitops import sbom
from gitops.settings import Refused
from tests.projects import ROOT, command, copy_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy_project(tmp_path, "params.yaml", "requirements")
    return tmp_path


def test_it_is_valid_and_the_same_each_time(folder: Path) -> None:
    """The command looks at the schema unless it is told not to."""
    words = ("-m", "cyclonedx_py", "requirements", sbom.LOCK, "--pyproject", "pyproject.toml")
    said = command("python", *words, "--output-reproducible", cwd=folder)
    assert said.returncode == 0
    assert sbom.document(folder).decode() == said.stdout


def test_it_names_each_package_of_the_lock(folder: Path) -> None:
    found = json.loads(sbom.document(folder))["components"]
    locked = re.findall(r"(?m)^([\w.-]+)==([\w.]+)", (ROOT / sbom.LOCK).read_text())
    assert {(one["name"], one["version"]) for one in found} == set(locked)
    assert all(one["externalReferences"][0]["hashes"] for one in found)


def test_there_is_no_lock(folder: Path) -> None:
    shutil.rmtree(folder / "requirements")
    with pytest.raises(Refused, match=f"cyclonedx-py {sbom.LOCK}: "):
        sbom.document(folder)
