"""The report on a holdout of as many rows as asked: `prepare` makes them, without it it reports."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import numpy as np
import polars as pl
from pipeline import files, params
from pipeline.stage import project
from review import report, version
from review.__main__ import findings
from review.render import markdown, page

FOLDER = Path(".dvc/tmp/bench")


def main() -> None:
    sides = [version.restore("base", "HEAD^1"), version.candidate()]
    if sys.argv[2:] == ["prepare"]:
        for side in sides:
            prepare(side, int(sys.argv[1]))
        return
    base, candidate = (replace(side, folder=FOLDER / side.name) for side in sides)
    found = findings(candidate, base, None, params.read())
    written = report.document(project(), found)
    (FOLDER / "review.md").write_text(markdown.markdown(written))
    (FOLDER / "review.html").write_text(page.html(written))


def prepare(side: version.Version, rows: int) -> None:
    """Copy a side's reports, with its predictions repeated and blurred: ties would help."""
    folder = FOLDER / side.name
    shutil.copytree(side.folder / files.REPORTS, folder / files.REPORTS, dirs_exist_ok=True)
    known = side.predictions
    noise = np.random.default_rng(1).normal(0, 0.01, rows)
    many = pl.concat([known] * (rows // known.height + 1)).head(rows)
    blurred = np.clip(many["prediction"].to_numpy() + noise, 0, 1)
    many = many.with_columns(
        id=pl.int_range(rows).cast(pl.String), prediction=pl.Series(blurred, dtype=pl.Float32)
    )
    (folder / files.PREDICTIONS).unlink(missing_ok=True)
    files.write_parquet(folder / files.PREDICTIONS, many)


if __name__ == "__main__":
    main()
