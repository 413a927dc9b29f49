"""The files between the stages: each is whole or absent, and stands here by name."""

from __future__ import annotations  # the service has these modules, and no polars

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.stage import StageError

if TYPE_CHECKING:
    import polars as pl

RAW = Path("data/raw.parquet")
FEATURES = Path("data/features.parquet")
CONTRACT = Path("models/contract.json")
ENCODINGS = Path("models/encodings.json")
ONNX = Path("models/model.onnx")
TEXT = Path("models/model.txt")
SIGNATURE = Path("models/signature.json")
DECISION = Path("models/decision.json")
REPORTS = Path("reports")
INGEST = REPORTS / "ingest.json"
VALIDATION = REPORTS / "validation.json"
STATISTICS = REPORTS / "statistics.json"
LEARNING = REPORTS / "learning.json"
TRAINING = REPORTS / "training.json"
PREDICTIONS = REPORTS / "predictions.parquet"
EXAMPLES = REPORTS / "examples.json"
METRICS = REPORTS / "metrics.json"
SLICES = REPORTS / "slices.json"
IMPORTANCE = REPORTS / "importance.json"
COST = REPORTS / "cost.json"
CARD = REPORTS / "model-card.md"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes its place when the block ends well."""
    import tempfile  # the service, which has these modules, writes nothing

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    with replacing(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", statistics=False)


def read_parquet(path: Path) -> pl.DataFrame:
    """Read a stage's Parquet file.

    Raises:
        StageError: the file is missing or not whole.
    """
    import polars as pl

    try:
        return pl.read_parquet(path)
    except FileNotFoundError:
        raise StageError(f"{path}: not there; `make reproduce` makes it") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise StageError(
            f"{path}: can't be read as Parquet ({reason}); delete it and run `make reproduce`"
        ) from None


def read_json(path: Path) -> Any:
    """Read a stage's JSON file.

    Raises:
        StageError: the file is missing or not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise StageError(f"{path}: not there; `make reproduce` makes it") from None
    except ValueError as error:
        raise StageError(f"{path}: not JSON ({error}); delete it, then `make reproduce`") from None


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
