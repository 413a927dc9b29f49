"""Write a month of predictions, with the labels that are known, as Parquet:

    python -m serving.predictions.export --month 2013-12 --out FILE.parquet [--state DIR]

They come from the database that PREDICTION_LOG_URL names, else from that of a state folder.
This runs with the project's libraries, not with those of the service.
"""

import argparse
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

from pipeline import files, stage
from pipeline.stage import StageError
from serving.predictions import store

BATCH = 10_000  # rows in memory at a time: some 20 MB
TYPES = {"integer": pl.Int64(), "number": pl.Float64(), "boolean": pl.Boolean()}
INSTANT = pl.Datetime("us", "UTC")
COLUMNS: dict[str, pl.DataType] = {
    "id": pl.String(),
    "at": INSTANT,
    "release": pl.String(),
    "environment": pl.String(),
    "deployment": pl.Int64(),
    "request": pl.String(),
    "seconds": pl.Float64(),
    "input": pl.String(),
    "prediction": pl.Float64(),
    "decision": pl.Boolean(),
    "label": pl.Float64(),
    "label_at": INSTANT,
}
WRONG = "an input is not of the contract's types; take the contract of the release that answered"
INPUT = "input."  # before a field's name: it may be called as one of ours


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m serving.predictions.export", description=__doc__
    )
    parser.add_argument("--month", required=True, help="of the prediction, in UTC: 2013-12")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--state", type=Path, help="the service's folder, with predictions.db")
    parser.add_argument("--contract", type=Path, default=files.CONTRACT)
    given = parser.parse_args()
    first, last = bounds(given.month)
    fields = fields_of(given.contract)
    engine = store.connect(url(os.environ.get("PREDICTION_LOG_URL"), given.state))
    try:
        written = export(engine, first, last, fields, given.out)
    except sa.exc.SQLAlchemyError as error:
        raise StageError(f"the prediction log can't be read: {store.reason(error)}") from None
    finally:
        engine.dispose()
    print(f"{written} predictions of {given.month} in {given.out}")


def bounds(month: str) -> tuple[float, float]:
    """The first second of a month, and of the next.

    Raises:
        StageError: it is none.
    """
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise StageError("--month: must be a year and a month, as 2013-12") from None
    years, months = divmod(first.month, 12)
    return first.timestamp(), first.replace(first.year + years, months + 1).timestamp()


def url(named: str | None, state: Path | None) -> str:
    """The database to read.

    Raises:
        StageError: none is named, or it is not there.
    """
    if named:
        return named
    if state is None:
        raise StageError("name a folder with --state, or a database with PREDICTION_LOG_URL")
    path = state.absolute() / "predictions.db"
    if not path.exists():
        raise StageError(f"{path}: not there; a service that ran with this state folder makes it")
    return f"sqlite:///{path}"


def fields_of(contract: Path) -> dict[str, pl.DataType]:
    """The fields of a row and their types; none without a contract, for then nobody knows them.

    Raises:
        StageError: the file is no contract.
    """
    if not contract.exists():
        return {}
    try:
        properties = json.loads(contract.read_text())["properties"]
        return {name: type_of(said) for name, said in properties.items()}
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        raise StageError(f"{contract}: no contract; run `make reproduce`") from None


def type_of(said: dict[str, Any]) -> pl.DataType:
    """What the log keeps of a field: of a private one the hash, of a time what the client wrote."""
    kinds = [said["type"]] if isinstance(said["type"], str) else said["type"]
    kind = next(one for one in kinds if one != "null")
    return pl.String() if said.get("x-private") else TYPES.get(kind, pl.String())


def export(
    engine: sa.Engine, first: float, last: float, fields: dict[str, pl.DataType], out: Path
) -> int:
    """Write the predictions of a time, all or none; how many there are.

    Raises:
        StageError: the database has another schema.
    """
    with engine.connect() as connection:
        store.check(connection)
        found = frames(connection, first, last, fields)
        draft = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            source(found, schema_of(fields)).sink_parquet(draft)
            count: int = pl.scan_parquet(draft).select(pl.len()).collect().item()
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
    return count


def schema_of(fields: dict[str, pl.DataType]) -> dict[str, pl.DataType]:
    if not fields:
        return COLUMNS
    ours = {name: dtype for name, dtype in COLUMNS.items() if name != "input"}
    return ours | {f"{INPUT}{name}": dtype for name, dtype in fields.items()}


def source(found: Iterator[pl.DataFrame], schema: dict[str, pl.DataType]) -> pl.LazyFrame:
    """The frames one after another, each made when the one before it is written."""

    def read(*_: object) -> Iterator[pl.DataFrame]:
        return found

    return register_io_source(read, schema=schema, validate_schema=True)


def frames(
    connection: sa.Connection, first: float, last: float, fields: dict[str, pl.DataType]
) -> Iterator[pl.DataFrame]:
    log, labels = store.PREDICTIONS, store.LABELS
    wanted = (
        sa.select(log, labels.c.label, labels.c.at.label("label_at"))
        .join(labels, labels.c.id == log.c.id, isouter=True)
        .where(log.c.at >= first, log.c.at < last)
        .order_by(log.c.at)
        .execution_options(yield_per=BATCH)
    )
    for rows in connection.execute(wanted).partitions():
        yield frame([tuple(row) for row in rows], fields)


def frame(rows: list[tuple[Any, ...]], fields: dict[str, pl.DataType]) -> pl.DataFrame:
    """Rows of the log with instants as such, and the input as columns."""
    stored = {name: pl.Float64() if kind == INSTANT else kind for name, kind in COLUMNS.items()}
    found = pl.DataFrame(rows, schema=stored, orient="row").with_columns(
        (pl.col(name) * 1_000_000).round().cast(pl.Int64).cast(INSTANT)
        for name, kind in COLUMNS.items()
        if kind == INSTANT
    )
    if not fields:
        return found
    row = pl.col("input").str.json_decode(pl.Struct(fields))
    parts = [row.struct.field(name).alias(f"{INPUT}{name}") for name in fields]
    try:
        return found.with_columns(parts).drop("input")
    except PolarsError:  # its text quotes values
        raise StageError(WRONG) from None


if __name__ == "__main__":
    stage.run("export", main)
