"""Rows as a client would send them, each with the answer that is right for this model.

A service is believed when it gives these answers: reports/examples.json.
"""

import json
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs

ROWS = 200  # an encoding or a feature that differs moves one in a hundred rows at least


def of(raw: pl.DataFrame, predictions: pl.DataFrame) -> list[dict[str, Any]]:
    """Some rows of the holdout, evenly spread, with their recorded predictions."""
    from pipeline import contract, schemas

    count = min(ROWS, predictions.height)
    places = np.linspace(0, predictions.height - 1, count).astype(np.int64)
    chosen = predictions.select("id", "prediction")[places]
    rows = chosen.select("id").join(raw, on="id", how="left", maintain_order="left")
    labels = contract.columns(schemas.Raw, "target")
    known = [name for name in schemas.Raw.to_schema().columns if name not in labels]
    pairs = zip(sendable(rows.select(known)), chosen["prediction"], strict=True)
    return [{"row": row, "prediction": said} for row, said in pairs]


def sendable(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: null for NaN, times as text, categories by their names."""
    plain = rows.with_columns(
        cs.float().fill_nan(None),
        (cs.temporal() | cs.categorical() | cs.enum()).cast(pl.String),
    )
    found: list[dict[str, Any]] = json.loads(plain.write_json())
    return found
