"""A bake holds exactly the files it should, and every answer exactly as it was given."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from baking import ROOT, Bake, Baked

FILES = (Path(__file__).parent / "files.txt").read_text("utf-8").splitlines()
NASTY = {
    "quotes": "It's \"late\" 'said' he: \"\"\" and '''",
    "markup": "# *not* _a_ `title` [link](x) <b>bold</b> &amp; |a|b| ~~no~~ $x$ \\$ \\\\ \\",
    "list": "1. not a list) - nor + this",
    "rule": "--- !!tag &anchor *alias {a: b} [c] % @ ` , ? - #comment: yes",
    "letters": "Прибудет ли рейс поздно? 遅れますか 🛫 👩\u200d🚀 é e\u0301 \u00a0.",
    "long": ('🛫 "#:$\\' * 34)[:200],
    "delimiters": "no rest } } {{ cookiecutter }} {% x %} ${{ y }} << z >> <# w #>",
}


def test_the_exact_files(baked: Baked) -> None:
    assert baked.files() == FILES


@pytest.mark.parametrize("name", FILES)
def test_no_delimiter_is_left(baked: Baked, name: str) -> None:
    text = (baked.path / name).read_text("utf-8")
    for mark in ("<<", ">>", "<#", "#>", "cookiecutter"):
        assert mark not in text


def test_python_files_hold_no_variable() -> None:
    for path in (ROOT / "<<cookiecutter.project>>").rglob("*.py"):
        text = path.read_text("utf-8")
        assert "<<" not in text, path
        assert ">>" not in text, path
    for path in (ROOT / "hooks").glob("*.py"):
        assert path.read_text("utf-8").count("<<") == 1, path


@pytest.mark.parametrize("description", NASTY.values(), ids=NASTY)
def test_a_nasty_description_arrives_as_it_is(bake: Bake, description: str) -> None:
    # Typed, since cookiecutter renders delimiters in answers from the command line.
    baked = bake(typed=f"\n{description}\n\n\n\n")
    assert baked.code == 0, baked.output
    project = tomllib.loads((baked.path / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["description"] == description
    assert description in paragraphs((baked.path / "README.md").read_text("utf-8"))
    for name in FILES:
        if name.endswith((".yaml", ".yml")):
            yaml.safe_load((baked.path / name).read_text("utf-8"))


def paragraphs(markdown: str) -> list[str]:
    """Return the text of each paragraph, as a reader sees it."""
    return [
        "".join(child.content for child in token.children or ())
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
        if token.type == "inline"
    ]


def test_five_questions_with_help_and_a_default(bake: Bake) -> None:
    settings = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
    questions = [name for name in settings if not name.startswith("_")]
    assert questions == ["project", "description", "owner", "data_store", "image_repository"]
    output = " ".join(bake(typed="\n" * 5).output.split())
    for number, name in enumerate(questions, 1):
        assert f"[{number}/5] {settings['__prompts__'][name]}" in output
