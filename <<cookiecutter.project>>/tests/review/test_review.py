"""The command that a reviewer runs, on a real change of a real model."""

import re
from pathlib import Path

import pytest

from review.__main__ import differences
from tests.projects import change_params, command, copy_of, succeed

LIMITS = {"roc_auc": 0.5, "expected_calibration_error": 0.9}
OPEN = {"limits": LIMITS, "margin": 1.0, "slice_limit": 0.0, "slice_rows": 50, "model_bytes": 10**9}


@pytest.fixture(scope="module")
def changed(pipeline_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy whose model differs from that of its branch dev."""
    project = copy_of(pipeline_run, tmp_path_factory.mktemp("review"))
    change_params(project, train={"num_leaves": 7}, gates=OPEN)
    succeed("dvc", "repro", "--quiet", cwd=project)
    return project


def review(project: Path, *words: str) -> tuple[int, str, str]:
    done = command("python", "-m", "review", *words, cwd=project)
    path = project / "reports/review.md"
    return done.returncode, done.stderr, path.read_text() if path.exists() else ""


def test_the_report_answers_what_a_reviewer_asks(changed: Path) -> None:
    code, _, text = review(changed, "--base", "dev", "--prod", "dev")
    assert code == 0
    assert re.search(r"\*\*(Better|Worse|No different)\*\* (than|from) dev", text)
    assert text.index("All gates pass") < text.index("## Gates")
    for word in ("Gates", "Metrics", "Slices", "Parameters", "Data", "Plots", "Cost"):
        assert word in text
    assert "| `train.num_leaves` | 31 | 7 |" in text
    assert "PROD" in text
    assert text.count("```mermaid") == 5
    page = (changed / "reports/review.html").read_text()
    assert page.count("<figure") == 5
    assert not re.search(r"https?:|src=|url\(", page)


def test_the_same_two_versions_give_the_same_report(changed: Path) -> None:
    assert review(changed, "--base", "dev") == review(changed, "--base", "dev")


def test_a_first_model_is_reviewed_alone(changed: Path) -> None:
    code, _, text = review(changed)
    assert code == 0
    assert "**A first model**" in text
    assert "Baselines on the candidate's holdout" in text


@pytest.mark.parametrize(
    ("gates", "name"),
    [
        ({"limits": {**LIMITS, "roc_auc": 0.999}}, "roc_auc"),
        ({"limits": {**LIMITS, "expected_calibration_error": 0.0}}, "expected_calibration_error"),
        ({"slice_limit": 0.999}, "slices"),
        ({"model_bytes": 1}, "model bytes"),
    ],
)
def test_a_failed_gate_blocks_with_its_name(
    changed: Path, gates: dict[str, object], name: str
) -> None:
    change_params(changed, gates={**OPEN, **gates})
    code, error, text = review(changed, "--base", "dev")
    assert code == 1
    assert f"  {name}: " in error
    assert "Blocked by" in text


def test_a_wrong_base_is_one_line_and_writes_nothing(changed: Path) -> None:
    before = (changed / "reports/review.md").read_bytes()
    code, error, _ = review(changed, "--base", "nowhere")
    assert (code, error) == (
        1,
        "review: error: 'nowhere': no such commit here; fetch it, or name another base\n",
    )
    assert (changed / "reports/review.md").read_bytes() == before


def test_help_names_every_option(changed: Path) -> None:
    told = succeed("python", "-m", "review", "--help", cwd=changed)
    assert "--base" in told
    assert "--prod" in told


def test_settings_are_compared_key_by_key() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": 1}
    now = {"a": {"x": 1, "y": 3, "z": None}, "c": [1]}
    assert differences(base, now) == [("a.y", 2, 3), ("b", 1, None), ("c", None, [1])]
