"""One row and a million through the function that makes the features, in a trained project."""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import polars as pl
from pipeline import encoding, features, files

ROWS, TURNS = 1_000_000, 5_000


def main() -> None:
    raw, encodings = files.read_parquet(files.RAW), encoding.read()
    row = features.columns_of(raw.head(1))
    started = time.perf_counter()
    for _ in range(TURNS):
        features.matrix(row, encodings)
    one = (time.perf_counter() - started) / TURNS * 1e6
    copies = pl.concat([raw] * (ROWS // raw.height + 1)).head(ROWS)
    columns = features.columns_of(copies)
    started = time.perf_counter()
    features.matrix(columns, encodings)
    million = time.perf_counter() - started
    show("features, one row", one, "µs", 50)
    show("features, 1,000,000 rows", million, "s", 2)


def show(figure: str, value: float, unit: str, bound: float) -> None:
    print(json.dumps({"figure": figure, "value": value, "unit": unit, "bound": bound}))


if __name__ == "__main__":
    main()
