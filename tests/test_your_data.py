"""The page on a person's own data, done as it says: with its blocks, in a baked repository."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from baking import ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from markdown_it.token import Token

    from baking import Bake

TEXT = (ROOT / "<<cookiecutter.project>>/docs/your-data.md").read_text("utf-8")
NUMBER = r"[+-]?\d[\d.,]*"
SECONDS = 600  # of one command: setting up takes most; a hang ends here


def run(folder: Path, script: str) -> tuple[int, str]:
    """Run commands as a person with the environment activated would, until one fails."""
    env = clean_environment()
    env["PATH"] = os.pathsep.join([str(folder / ".venv/bin"), env["PATH"]])
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@example.invalid"}
    command = ["bash", "-ec", f"exec 2>&1\n{script}"]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    return done.returncode, done.stdout


def name(node: ast.stmt) -> str:
    """Return the name that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def replaced(old: str, title: str, given: dict[str, str], new: str) -> str:
    """Return the file with the part that the block's info names in place of its own."""
    if "end" in given:
        return f"{old}\n\n{new}"
    if "key" in given:
        return replaced_once(old, rf"(?m)^  {new.split(':')[0]}:.*\n", f"  {new}")
    if title == "params.yaml":
        for block in re.split(r"\n\n(?=\w)", new.rstrip("\n")):
            old = replaced_once(old, rf"(?m)^{block.split(':')[0]}:\n(?: .*\n?)+", f"{block}\n")
        return old
    if not given:
        return new
    places = {name(node): node for node in ast.parse(old).body}
    lines = old.splitlines(keepends=True)
    start = places[given["from"]].lineno - 1 if "from" in given else 0
    return "".join(lines[:start]) + new + "".join(lines[places[given["to"]].end_lineno :])


def replaced_once(old: str, pattern: str, new: str) -> str:
    """Return the text with what matches, once and no more, replaced."""
    text, count = re.subn(pattern, lambda _: new, old)
    assert count == 1, f"{pattern} stands there {count} times"
    return text


def write(folder: Path, block: Token) -> None:
    """Do what a person does with a block that names a file."""
    kind, title, *words = block.info.split()
    path = folder / title.removeprefix("title=")
    old, given = path.read_text("utf-8"), dict(word.partition("=")[::2] for word in words)
    if kind == "diff":
        out, into = ("".join(re.findall(rf"(?m)^[{m}](.*\n)", block.content)) for m in "-+")
        path.write_text(replaced_once(old, re.escape(out), into), "utf-8")
    else:
        path.write_text(replaced(old, path.name, given, block.content), "utf-8")


@pytest.fixture(scope="module")
def followed(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository in which somebody has followed the page to its end."""
    folder = tmp_path_factory.mktemp("your-data")
    baked = bake({"project": "diabetes", "data_store": str(folder / "store")}, folder=folder)
    assert baked.code == 0, baked.output
    output = ""
    for block in [token for token in MarkdownIt().parse(TEXT) if token.type == "fence"]:
        if block.info == "sh":
            code, output = run(baked.path, block.content)
            assert code == 0, f"{block.content}\n{output}"
        elif block.info == "text":
            for line in block.content.splitlines():
                pattern = NUMBER.join(map(re.escape, re.split(NUMBER, line)))
                assert re.search(pattern, output), f"{line}\nis not in\n{output}"
        else:
            write(baked.path, block)
    return baked.path


def test_the_page_ends_with_a_model_of_its_own_kind(followed: Path) -> None:
    scores = json.loads((followed / "reports/metrics.json").read_text("utf-8"))
    assert [*scores] == ["model", "mean", "linear"]
    assert all([*scores[name]] == ["rmse", "mae", "r2"] for name in scores)
    assert scores["model"]["rmse"] < scores["mean"]["rmse"]
    assert run(followed, "git status --porcelain") == (0, "")
    checks = "ruff format --check pipeline && ruff check pipeline && mypy pipeline"
    assert run(followed, checks)[0] == 0


def test_the_review_speaks_of_it_alone(followed: Path) -> None:
    report = (followed / "reports/review.md").read_text("utf-8")
    assert re.search(r"\*\*(Better|Worse|No different)\*\* (than|from) dev: rmse ", report)
    for text in ("| mae |", "| r2 |", "| age_band | under 40 |", "| sex | 1 |", '"calibration"'):
        assert text in report
    assert "| `train.num_leaves` | 7 | 2 |" in report
    for text in ("flight", "carrier", "auc", "roc", "nan"):
        assert text not in report.lower()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("rmse: 1 ", r"rmse: \d+\.\d+, must be ≤ 1\n"),
        ("roc_auc: 0.6 ", "params.yaml: gates.limits = 'roc_auc': must be one of rmse, mae, r2\n"),
    ],
)
def test_a_gate_blocks_by_its_name(followed: Path, limits: str, said: str) -> None:
    path = followed / "params.yaml"
    before = path.read_text("utf-8")
    path.write_text(replaced_once(before, r"(?m)^    rmse: 65 ", f"    {limits}"), "utf-8")
    code, output = run(followed, "make report BASE=dev")
    path.write_text(before, "utf-8")
    assert code != 0
    assert re.search(said, output), output


def test_every_test_that_follows_is_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py|conftest\.py|projects\.py)`", TEXT))
    assert named <= {path.name for path in (ROOT / "<<cookiecutter.project>>/tests").rglob("*.py")}
