"""A column in a few numbers: what later data are compared with."""

from typing import Any

import polars as pl

DISTINCT_NAMED = 50  # categories beyond it are counted together: a rare one is no drift


def describe(column: pl.Series, bins: int, shareable: bool) -> dict[str, Any]:
    base: dict[str, Any] = {"type": str(column.dtype), "nulls": column.null_count()}
    if column.dtype.is_numeric():
        return base | numbers(column.drop_nulls().cast(pl.Float64), bins)
    if shareable or column.dtype == pl.Boolean:
        values = column.drop_nulls().cast(pl.String)
        # Ties by name: the same rows are described by the same bytes.
        counted = values.value_counts().sort(["count", values.name], descending=[True, False])
        counts = dict(sorted(counted.head(DISTINCT_NAMED).iter_rows()))
        return base | {"counts": counts, "rest": len(values) - sum(counts.values())}
    return base | {"distinct": column.n_unique()}


def numbers(column: pl.Series, bins: int) -> dict[str, Any]:
    if column.is_empty():
        return {"edges": [], "counts": [0]}
    cuts = [column.quantile(part / bins) for part in range(1, bins)]
    edges = sorted({float(cut) for cut in cuts if cut is not None})
    counts = binned(column, edges)
    return {
        "minimum": column.min(),
        "maximum": column.max(),
        "mean": column.mean(),
        "deviation": column.std(),
        "edges": edges,
        "counts": counts,
    }


def binned(column: pl.Series, edges: list[float]) -> list[int]:
    """How many values lie at or below each edge and above the one before; last, above all."""
    places = pl.Series(edges, dtype=pl.Float64).search_sorted(column, side="left")
    counts = places.value_counts()
    found = dict(zip(counts.to_series(0), counts.to_series(1), strict=True))
    return [int(found.get(place, 0)) for place in range(len(edges) + 1)]
