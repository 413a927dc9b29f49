"""The model card: what the model is for, what it was made of, how good it is, for whom.

After Mitchell et al. (2019), "Model Cards for Model Reporting".
"""

import tomllib
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.params import Params


def text(
    project: str,
    settings: Params,
    metrics: dict[str, dict[str, float]],
    cost: dict[str, Any],
    frame: pl.DataFrame,
    features: list[str],
) -> str:
    """Markdown; `metrics` by model and baseline, `frame` with the columns of `Features`."""
    about = tomllib.loads(Path("pyproject.toml").read_text())["project"]["description"]
    counts = dict(frame["part"].value_counts().iter_rows())
    asked = ", ".join(f"{key} {v}" for key, v in settings.ingest.model_dump(by_alias=True).items())
    names = list(metrics["model"])
    head = "| metric | " + " | ".join(metrics) + " |"
    rule = "|---" * (len(metrics) + 1) + "|"
    rows = [
        f"| {name} | " + " | ".join(f"{scores[name]:.4f}" for scores in metrics.values()) + " |"
        for name in names
    ]
    lines = [
        f"# {project}",
        "",
        about,
        "",
        "## Data",
        "",
        f"Ingested with {asked}: "
        f"{counts.get('train', 0):,} rows to train, {counts.get('validation', 0):,} to stop the "
        f"training, {counts.get('holdout', 0):,} held out for the figures below.",
        "",
        "## Quality on the holdout",
        "",
        head,
        rule,
        *rows,
        "",
        f"The primary metric is {settings.evaluate.primary}; slices are in `reports/slices.json`.",
        "",
        "## Features",
        "",
        ", ".join(f"`{name}`" for name in features),
        "",
        "## Cost",
        "",
        f"{cost['model_bytes']:,} bytes; one row takes {cost['row_microseconds']:.0f} µs; "
        f"trained in {cost['training_seconds']:.0f} s.",
        "",
    ]
    return "\n".join(lines)
