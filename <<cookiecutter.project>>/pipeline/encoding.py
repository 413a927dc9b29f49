"""What is learned from the training rows before the model is: codes of categories, rates by value.

Kept as data (models/encodings.json), so that the service encodes as the training did.
"""

from __future__ import annotations  # the service has this module, and no polars

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import files, stage

if TYPE_CHECKING:
    import polars as pl

UNKNOWN = -1.0  # the code of a value that training never saw

Floats = NDArray[np.float32]


class Coded(Sequence[Any]):
    """A column of few values: these, and which of them each row has. To who reads it, a list."""

    def __init__(self, known: Callable[[], Sequence[Any]], places: NDArray[np.intp]) -> None:
        """`known` gives the values, each once; it is asked when somebody wants to see one."""
        self.known, self.places = known, places

    @cached_property
    def values(self) -> Sequence[Any]:
        return self.known()

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Any]:
        return map(self.values.__getitem__, self.places.tolist())

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Coded(lambda: self.values, self.places[place])
        return self.values[self.places[place]]


@dataclass(frozen=True)
class Encoding:
    """A number for each value of a column, and one for every other value."""

    values: Mapping[str, float]
    other: float

    def __call__(self, column: Iterable[Any], rows: int) -> Floats:
        """Encode `rows` values; shape (rows,)."""
        if isinstance(column, Coded):
            return self(column.values, len(column.values))[column.places]
        return np.fromiter(map(self.values.get, column, repeat(self.other)), np.float32, rows)


def code(column: pl.Series) -> Encoding:
    """Codes 0, 1, … from the most frequent value to the rarest (ties by name)."""
    counts = (
        column.drop_nulls().value_counts().sort(["count", column.name], descending=[True, False])
    )
    return Encoding({v: float(i) for i, v in enumerate(counts[column.name])}, UNKNOWN)


def rate(column: pl.Series, label: pl.Series, smoothing: float) -> Encoding:
    """The mean label of each value, drawn to the mean of all as if by `smoothing` rows of it.

    The additive smoothing of Micci-Barreca (2001), "A preprocessing scheme for
    high-cardinality categorical attributes", with a constant weight.
    """
    import polars as pl

    mean = float(np.mean(label.to_numpy()))
    table = (
        pl.DataFrame({"value": column, "label": label.cast(pl.Float64)})
        .drop_nulls("value")
        .group_by("value")
        .agg(pl.col("label").sum(), pl.len().alias("rows"))
        .sort("value")
    )
    rates = (table["label"] + smoothing * mean) / (table["rows"] + smoothing)
    return Encoding(dict(zip(table["value"], rates, strict=True)), mean)


@dataclass(frozen=True)
class Encodings:
    codes: Mapping[str, Encoding]
    rates: Mapping[str, Encoding]

    def write(self) -> None:
        files.write_json(files.ENCODINGS, asdict(self))


def read() -> Encodings:
    """Read what `Encodings.write` wrote.

    Raises:
        StageError: the file is missing, or is none of ours.
    """
    return of(files.read_json(files.ENCODINGS))


def of(kept: Any) -> Encodings:
    """The encodings that a file's JSON says.

    Raises:
        StageError: its shape is another.
    """
    try:
        return Encodings(codes=decode(kept["codes"]), rates=decode(kept["rates"]))
    except (KeyError, TypeError, AttributeError):
        raise stage.StageError(f"{files.ENCODINGS}: no encodings; run `make reproduce`") from None


def decode(block: dict[str, Any]) -> dict[str, Encoding]:
    return {name: Encoding(**encoding) for name, encoding in block.items()}
