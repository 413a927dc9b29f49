"""The rows on which two versions can be compared fairly: neither may have learned from them."""

import io
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline import files
from pipeline.stage import StageError
from review import compare, git
from review.version import Version, fetch

SECONDS = 600  # the base's own code predicts a month of rows in seconds; a hang ends here
MODEL = (files.ONNX, files.SIGNATURE, files.ENCODINGS, files.FEATURES)


@dataclass(frozen=True)
class Pairing:
    """Rows with both predictions, and what a reader must know of them; no rows: not comparable."""

    rows: pl.DataFrame
    note: str


def pair(base: Version, candidate: Version) -> Pairing:
    mine, theirs = candidate.predictions, base.predictions
    rows = compare.pair(theirs, mine)
    if rows.height == mine.height == theirs.height:
        return Pairing(rows, "")
    if rows.height:
        return Pairing(
            rows,
            f"The holdouts differ ({theirs.height:,} and {mine.height:,} rows): compared on the "
            f"{rows.height:,} rows that both held out.",
        )
    try:
        rows = compare.pair(scored(base, candidate), mine)
    except StageError as error:
        note = (
            f"The holdouts share no row, and {base.name}'s model can't score the new one: {error}."
        )
        return Pairing(rows, note)
    return Pairing(
        rows,
        f"The holdouts share no row: {base.name}'s model was run, with its own code, on the "
        f"{rows.height:,} rows of the candidate's holdout that it never saw.",
    )


def scored(base: Version, candidate: Version) -> pl.DataFrame:
    """The base's predictions of the candidate's holdout, without the rows it learned from.

    Raises:
        StageError: its code refuses the rows, or it learned from all of them.
    """
    tree = base.folder / "tree"
    commit = git.resolve(base.ref)
    unpack(commit, tree)
    fetch(base.ref, commit, base.outputs, [str(path) for path in MODEL], tree)
    learned = files.read_parquet(tree / files.FEATURES).filter(pl.col("part") != "holdout")
    raw = files.read_parquet(candidate.folder / files.RAW)
    unseen = raw.join(candidate.predictions.select("id"), on="id", how="semi").join(
        learned.select("id"), on="id", how="anti"
    )
    if unseen.is_empty():
        raise StageError("it learned from every row of it")
    rows, out = (tree / name for name in ("rows.parquet", "predicted.parquet"))
    files.write_parquet(rows, unseen)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.predict", rows.name, out.name],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise StageError(f"it took longer than {SECONDS} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        # A stage says first what was wrong, and then in detail; a traceback says it last.
        reason = next((line for line in said if line.startswith("predict: error: ")), said[-1])
        raise StageError(reason.rstrip(":"))
    return files.read_parquet(out)


def unpack(commit: str, folder: Path) -> None:
    """Lay the files of a commit into `folder`."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit],
        capture_output=True,
        check=True,
        timeout=git.SECONDS,
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
