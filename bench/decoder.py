"""One row: from its bytes by the service's decoder, and as a frame by pandera, with `polars` or
`pandas`. One process each: the two share state.

    python bench/decoder.py polars      # in a trained project
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import contract as rules
import msgspec
from pipeline import features, files, schemas
from serving.rows.contract import Contract
from serving.rows.reader import JSON, Reader

RUNS, SECONDS = 5, 0.3  # their median counts


def main() -> None:
    row = files.read_parquet(files.RAW).head(1)
    schema = schemas.Raw.to_schema()
    if sys.argv[1] == "pandas":
        table, schema = row.to_pandas(), rules.in_pandas(schema)
    else:
        table = row
    reader = Reader(Contract(files.read_json(files.CONTRACT)), 1)
    said = row.drop(features.target()).rows(named=True)
    body = msgspec.json.encode({"rows": said})
    assert len(reader.read(JSON, body)) == len(schema.validate(table)) == 1
    pairs = [
        (each(lambda: reader.read(JSON, body)), each(lambda: schema.validate(table)))
        for _ in range(RUNS)
    ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(their / our for our, their in pairs)
    print(json.dumps({"ours": ours, "theirs": theirs, "ratio": ratio}))


def each(call: Callable[[], object]) -> float:
    """Microseconds of one call."""
    count, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < SECONDS:
        call()
        count += 1
    return took / count * 1e6


if __name__ == "__main__":
    main()
