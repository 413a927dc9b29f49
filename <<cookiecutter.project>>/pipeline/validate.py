"""Stop bad rows before they can become a model, and describe the good ones.

    python -m pipeline.validate

The statistics are what later months are compared with: bins cut at this data's quantiles.
"""

from typing import Any

import polars as pl

from pipeline import contract, files, params, schemas, stage
from pipeline.statistics import describe


def main() -> None:
    settings = params.read().validation
    raw = files.read_parquet(files.RAW)
    found = contract.violations(raw, schemas.Raw)
    rows = sum(violation.count for violation in found)
    files.write_json(
        files.VALIDATION,
        {
            "contract": schemas.Raw.__name__,
            "rows": raw.height,
            "violations": rows if rows else len(found),
            "broken": [violation.as_dict() for violation in found],
        },
    )
    contract.refuse(found, schemas.Raw, str(files.RAW))
    files.write_json(files.STATISTICS, statistics(raw, settings.bins))
    print(f"{raw.height:,} rows keep the contract")


def statistics(frame: pl.DataFrame, bins: int) -> dict[str, dict[str, Any]]:
    """Per column: rows, nulls, and counts by bin (numbers) or by value (categories).

    A column whose values may not be shared and that is no number is described by its
    number of distinct values alone.
    """
    shareable = set(contract.columns(schemas.Raw, "shareable"))
    return {name: describe(frame[name], bins, name in shareable) for name in frame.columns}


if __name__ == "__main__":
    stage.run("validate", main)
