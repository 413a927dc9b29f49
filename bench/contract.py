"""Check a million rows of 20 columns, some of them broken: `polars` as the pipeline does it,
`pandas` with the same rules in pandera's pandas backend. One process each: the two share state.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))

import polars as pl
from pipeline import files, schemas

ROWS, RUNS = 1_000_000, 5
LEFT_OUT = "pressure"  # one of 21 columns
TYPES = {"Int64": "int64", "Float64": "float64", "String": str, "Boolean": "bool"}


def main() -> None:
    raw = files.read_parquet(files.RAW)
    frame = pl.concat([raw] * (ROWS // raw.height + 1)).head(ROWS).drop(LEFT_OUT)
    frame = frame.with_columns(id=pl.int_range(ROWS).cast(pl.String))
    broken = frame.with_columns(
        distance=pl.when(pl.int_range(ROWS) % 1000 == 3).then(-1.0).otherwise("distance"),
        origin=pl.when(pl.int_range(ROWS) < 2).then(pl.lit("XXX")).otherwise("origin"),
    )
    check = polars if sys.argv[1] == "polars" else pandas
    verdicts = [check(whole)() for whole in (frame, broken)]
    judge = check(frame)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        judge()
        times.append(time.perf_counter() - started)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(json.dumps({"seconds": statistics.median(times), "bytes": peak, "verdicts": verdicts}))


def polars(frame: pl.DataFrame) -> Callable[[], list[Any]]:
    from pipeline import contract

    schema = schemas.Raw.to_schema().remove_columns([LEFT_OUT])

    class Contract(schemas.Raw):
        @classmethod
        def to_schema(cls) -> Any:
            return schema

    return lambda: sorted([v.column, v.count] for v in contract.violations(frame, Contract))


def pandas(frame: pl.DataFrame) -> Callable[[], list[Any]]:
    import pandera.pandas as pa

    schema, table = in_pandas(schemas.Raw.to_schema().remove_columns([LEFT_OUT])), frame.to_pandas()

    def judge() -> list[Any]:
        try:
            schema.validate(table, lazy=True)
        except pa.errors.SchemaErrors as errors:
            cases = errors.failure_cases.groupby("column").size()
            return sorted([str(name), int(count)] for name, count in cases.items())
        return []

    return judge


def in_pandas(schema: Any) -> Any:
    """The same rules for pandera's pandas backend."""
    import pandera.pandas as pa

    columns = {
        name: pa.Column(
            TYPES[str(column.dtype)],
            [getattr(pa.Check, check.name)(**check.statistics) for check in column.checks],
            nullable=column.nullable,
            unique=column.unique,
        )
        for name, column in schema.columns.items()
    }
    return pa.DataFrameSchema(columns, strict=True)


if __name__ == "__main__":
    main()
