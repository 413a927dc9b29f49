"""The pages tell the truth: trees, tasks and commands are those of the code."""

import re
from pathlib import Path

import pytest

from tests.projects import ROOT, succeed

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MADE = {"data", "models", "reports", "mlruns", "mlflow.db"}  # by stages, not by people


def tasks() -> set[str]:
    listed = succeed("make", "help", cwd=ROOT)
    return set(re.findall(r"^make ([\w-]+) +\S", listed, re.MULTILINE))


def test_the_tree_is_the_folder() -> None:
    text = (ROOT / "README.md").read_text()
    named = {name.rstrip("/") for name in re.findall(r"^[├└]── (\S+)  +\S", text, re.MULTILINE)}
    ignored = set(re.findall(r"^([\w.*/]+)$", (ROOT / ".gitignore").read_text(), re.MULTILINE))
    caches = {path.name for path in ROOT.glob(".*_cache")} | {".git", ".hypothesis", ".venv"}
    there = {path.name for path in ROOT.iterdir()} - MADE - caches - {"__pycache__", "dvc.lock"}
    assert {name for name in there if f"/{name}/" not in ignored} == named


def test_every_task_that_a_page_names_is_there() -> None:
    for page in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE))
        assert named <= tasks(), page


def test_every_task_has_its_line() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: help (.*)$", makefile, re.MULTILINE)
    assert phony
    assert tasks() == set(phony[1].split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_first_screen_has_the_commands_and_one_picture_the_loop() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    screen = "\n".join(lines[:40])
    assert all(f"make {task}" in screen for task in ("rehearse", "reproduce", "report BASE=dev"))
    assert lines.count("```mermaid") == screen.count("```mermaid") == 1
