"""The model card says what the model is for, what it was made of and how good it is."""

import tomllib
from pathlib import Path

import polars as pl

from pipeline import card, files, params


def test_the_card_holds_every_metric_of_the_model_and_its_baselines(project: Path) -> None:
    metrics = {"model": {"auc": 0.75, "loss": 0.5}, "mean": {"auc": 0.5, "loss": 0.6}}
    cost = {"model_bytes": 12345, "row_microseconds": 41.7, "training_seconds": 3.2}
    frame = pl.DataFrame({"part": ["train"] * 3 + ["validation"] * 2 + ["holdout"]})

    text = card.text("flights", params.read(), metrics, cost, frame, ["one", "two"])

    assert text.startswith("# flights\n")
    assert "| metric | model | mean |\n|---|---|---|\n| auc | 0.7500 | 0.5000 |" in text
    assert "| loss | 0.5000 | 0.6000 |" in text
    assert "3 rows to train, 2 to stop the training, 1 held out" in text
    assert "`one`, `two`" in text
    assert "12,345 bytes" in text


def test_the_stage_s_card_has_the_project_s_own_description(after_training: Path) -> None:
    about = tomllib.loads((after_training / "pyproject.toml").read_text())["project"]
    text = files.CARD.read_text()

    assert next(line for line in text.splitlines()[1:] if line) == about["description"]
    for name, value in files.read_json(files.METRICS)["model"].items():
        assert f"| {name} | {value:.4f} |" in text
