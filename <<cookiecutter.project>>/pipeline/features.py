"""From columns to the matrix that the model sees: one function, for one row as for a million.

    python -m pipeline.features

The stage fits the encodings on the training rows, and writes the matrix of all rows. It writes the
contract as data too: the service has neither polars nor pandera, so a function that needs one of
them imports it itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import encoding, files, stage
from pipeline.encoding import Encodings, Floats

if TYPE_CHECKING:
    import polars as pl

    from pipeline import params

Columns = Mapping[str, Any]  # name: an array or list of values, all of one length


def plane_age(columns: Columns) -> NDArray[np.float64]:
    """Years since the plane was built; NaN where the register does not know it."""
    built: NDArray[np.float64] = np.asarray(columns["plane_year"], np.float64)
    return 2013.0 - built


def duration(columns: Columns) -> NDArray[np.int64]:
    """Scheduled minutes from door to door by the two local clocks, over midnight too."""
    flight = np.asarray(columns["arrival"]) - np.asarray(columns["departure"])
    return np.asarray(flight % 1440, np.int64)


NUMBERS = (
    "weekday",
    "departure",
    "arrival",
    "distance",
    "seats",
    "temperature",
    "humidity",
    "wind",
    "precipitation",
    "pressure",
    "visibility",
)
DERIVED: Mapping[str, Callable[[Columns], NDArray[Any]]] = {
    "plane_age": plane_age,
    "duration": duration,
}
CODES = ("carrier", "origin")
RATES = ("carrier", "destination")

NAMES = (
    *NUMBERS,
    *DERIVED,
    *(f"{name}_code" for name in CODES),
    *(f"{name}_rate" for name in RATES),
)


def matrix(columns: Columns, encodings: Encodings) -> Floats:
    """The features of each row, in the order of `NAMES`; shape (rows, features), NaN for unknown.

    Only the columns named above are read: what happens after scheduling has no way in.
    """
    rows = len(columns[NUMBERS[0]])
    out = np.empty((rows, len(NAMES)), np.float32)
    place = 0
    for name in NUMBERS:
        out[:, place] = columns[name]
        place += 1
    for derive in DERIVED.values():
        out[:, place] = derive(columns)
        place += 1
    for name in CODES:
        out[:, place] = encodings.codes[name](columns[name], rows)
        place += 1
    for name in RATES:
        out[:, place] = encodings.rates[name](columns[name], rows)
        place += 1
    return out


def fit(training: pl.DataFrame, smoothing: float) -> Encodings:
    """Learn the encodings; only rows that the model trains on may come in here."""
    label = training[target()]
    return Encodings(
        codes={name: encoding.code(training[name]) for name in CODES},
        rates={name: encoding.rate(training[name], label, smoothing) for name in RATES},
    )


def columns_of(frame: pl.DataFrame) -> dict[str, Any]:
    """A frame as the mapping that `matrix` takes: numbers as arrays, with NaN for null."""
    return {
        column.name: column.to_numpy() if column.dtype.is_numeric() else column.to_list()
        for column in frame.iter_columns()
    }


def parts(raw: pl.DataFrame, settings: params.Features) -> pl.Series:
    """Which rows train, which stop the training, which judge: by month, the newest judge."""
    import polars as pl

    month = raw["month"].to_numpy()
    holdout = month.max() - settings.holdout
    validation = holdout - settings.validation
    names = np.array(["train", "validation", "holdout"])
    return pl.Series("part", names[(month > validation).astype(int) + (month > holdout)])


def target() -> str:
    """The column of the labels.

    Raises:
        StageError: the contract marks none, or several.
    """
    from pipeline import contract, schemas

    marked = contract.columns(schemas.Raw, "target")
    if len(marked) != 1:
        raise stage.StageError(
            f"pipeline/schemas.py: Raw: one column must have target in its metadata, not {marked}"
        )
    return marked[0]


def main() -> None:
    import polars as pl

    from pipeline import contract, jsonschema, params, schemas

    said = jsonschema.of(schemas.Raw, [target()])  # before the work, not after it
    settings = params.read().features
    raw = files.read_parquet(files.RAW)
    part = parts(raw, settings)
    encodings = fit(raw.filter(part == "train"), settings.smoothing)
    values = matrix(columns_of(raw), encodings)
    frame = pl.DataFrame([raw["id"], part, raw[target()].cast(pl.Float64).alias("label")]).hstack(
        pl.DataFrame(values, schema=NAMES)
    )
    contract.check(frame, schemas.Features, str(files.FEATURES))
    encodings.write()
    files.write_json(files.CONTRACT, said)
    files.write_parquet(files.FEATURES, frame)
    print(f"{frame.height:,} rows of {len(NAMES)} features")


if __name__ == "__main__":
    stage.run("features", main)
