"""The page tells the truth: trees, tasks and questions are those of the code."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from markdown_it import MarkdownIt

from baking import ROOT, Baked

README = (ROOT / "README.md").read_text("utf-8")
ENTRY = re.compile(r"^[├└]── (\S+)  +\S", re.MULTILINE)


def trees() -> list[set[str]]:
    """Return the entries of each tree on the page, folders without their slash."""
    fences = [token for token in MarkdownIt().parse(README) if token.type == "fence"]
    blocks = [token.content for token in fences if not token.info]
    return [{name.rstrip("/") for name in ENTRY.findall(block)} for block in blocks]


def tasks() -> dict[str, str]:
    """Return each task that `make` alone lists, with its line."""
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(re.findall(r"^make ([\w-]+) +(\S.*)$", done.stdout, re.MULTILINE))


def test_the_tree_of_a_bake(baked: Baked) -> None:
    assert trees()[0] == {name.split("/")[0] for name in baked.files()}


def test_the_tree_of_this_repository() -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert trees()[1] == {
        name.split("/")[0] for name in done.stdout.replace('"', "").split("\n")[:-1]
    }


def test_every_task_is_listed_and_named() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: help (.*)$", makefile, re.MULTILINE)
    assert phony
    assert list(tasks()) == phony[1].split()
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)) == set(tasks())


def test_every_question_is_explained() -> None:
    answers = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
    rows = re.findall(r"^\| `(\w+)` \| .* \| `?(.*?)`? \|$", README, re.MULTILINE)
    assert [name for name, _ in rows] == [name for name in answers if not name.startswith("_")]
    for name, default in rows:
        if name != "description":
            assert answers[name].replace("<<cookiecutter.project>>", "<project>") == default


@pytest.mark.parametrize("sentence", ["make demo", "make test", "WSL"])
def test_it_is_short_and_says_what_matters(sentence: str) -> None:
    assert len(README.splitlines()) <= 120
    assert sentence in README
    assert README.count("```mermaid") == 1
