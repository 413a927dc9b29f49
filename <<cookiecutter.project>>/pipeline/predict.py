"""What this tree's model says of rows: for a review of models that were judged on other months.

python -m pipeline.predict ROWS.parquet PREDICTIONS.parquet
"""

import argparse
from pathlib import Path

import polars as pl

from pipeline import contract, encoding, features, files, model, params, schemas, stage


def predict(raw: pl.DataFrame, threads: int) -> pl.DataFrame:
    """`id` and `prediction` of each row that keeps the contract `Raw`."""
    loaded = model.load(threads)
    values = features.matrix(features.columns_of(raw), encoding.read())
    return raw.select("id").with_columns(pl.Series("prediction", loaded.predict(values)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__)
    parser.add_argument("rows", type=Path, help="rows of the contract Raw")
    parser.add_argument("predictions", type=Path, help="the file to write")
    given = parser.parse_args()
    raw = files.read_parquet(given.rows)
    contract.check(raw, schemas.Raw, str(given.rows))
    files.write_parquet(given.predictions, predict(raw, params.read().train.threads))


if __name__ == "__main__":
    stage.run("predict", main)
