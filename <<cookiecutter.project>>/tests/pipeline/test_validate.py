"""Bad rows stop here and are reported without their values; good rows are described."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline import contract, files, schemas, stage, validate
from pipeline.stage import StageError
from tests.projects import ROOT, command

HIDDEN = "N4711X-hidden"


def fail() -> str:
    """Run the stage as its command does; it must fail: return what it says."""
    with pytest.raises(SystemExit) as caught:
        stage.run("validate", validate.main)
    return str(caught.value.code)


def test_good_rows_pass_and_are_described(project: Path, raw: pl.DataFrame) -> None:
    files.write_parquet(files.RAW, raw)

    validate.main()

    assert files.read_json(files.VALIDATION) == {
        "contract": "Raw", "rows": raw.height, "violations": 0, "broken": [],
    }  # fmt: skip
    assert [*files.read_json(files.STATISTICS)] == raw.columns


def test_bad_rows_stop_the_pipeline_with_one_error_and_a_report(
    project: Path, raw: pl.DataFrame
) -> None:
    files.write_parquet(files.RAW, raw.with_columns(month=pl.lit(13, pl.Int64)).drop("day"))

    (project / "pipeline").symlink_to(ROOT / "pipeline")

    done = command(sys.executable, "-B", "-m", "pipeline.validate", cwd=project)

    assert done.returncode == 1
    assert done.stderr.startswith("validate: error: data/raw.parquet breaks the contract")
    assert f"month: less_than_or_equal_to(12): {raw.height} rows (0, 1, " in done.stderr
    assert "Traceback" not in done.stderr
    report = files.read_json(files.VALIDATION)
    assert report["violations"] == raw.height
    assert report["broken"] == [
        {"column": "day", "rule": "is missing", "count": 0, "rows": []},
        {"column": "month", "rule": "less_than_or_equal_to(12)", "count": raw.height,
         "rows": [0, 1, 2, 3, 4]},
    ]  # fmt: skip
    assert not files.STATISTICS.exists()


def test_a_broken_shape_counts_as_a_violation(project: Path, raw: pl.DataFrame) -> None:
    files.write_parquet(files.RAW, raw.drop("day", "month"))

    with pytest.raises(StageError):
        validate.main()

    assert files.read_json(files.VALIDATION)["violations"] == 2


def test_truncated_rows_are_one_clear_error(project: Path, raw: pl.DataFrame) -> None:
    files.write_parquet(files.RAW, raw)
    files.RAW.write_bytes(files.RAW.read_bytes()[:-100])

    said = fail()

    assert len(said.splitlines()) == 1
    assert said.startswith("validate: error: data/raw.parquet: can't be read as Parquet")


def replace(column: str, value: Any, rows: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def change(raw: pl.DataFrame) -> pl.DataFrame:
        first = pl.int_range(pl.len()) < rows
        return raw.with_columns(pl.when(first).then(pl.lit(value)).otherwise(column).alias(column))

    return change


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (replace("carrier", HIDDEN, 1), HIDDEN),
        (replace("destination", HIDDEN, 1), HIDDEN),
        (replace("id", HIDDEN, 2), HIDDEN),
        (replace("distance", 987654321.25, 1), "987654321.25"),
        (replace("month", 987654321987, 1), "987654321987"),
        (lambda raw: raw.with_columns(month=pl.lit(HIDDEN)), HIDDEN),
        (lambda raw: raw.with_columns(late=pl.lit(987654321987)), "987654321987"),
        (lambda raw: raw.with_columns(other=pl.lit(HIDDEN)), HIDDEN),
    ],
)
def test_no_value_of_a_row_is_printed_or_written(
    project: Path,
    raw: pl.DataFrame,
    change: Callable[[pl.DataFrame], pl.DataFrame],
    value: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    files.write_parquet(files.RAW, change(raw.head(500)))

    said = fail()

    assert value not in said + "".join(capfd.readouterr())
    written = [path for path in files.REPORTS.rglob("*") if path.is_file()]
    assert files.VALIDATION in written
    assert [path for path in written if value in path.read_text()] == []


def test_a_key_is_in_no_statistics(project: Path, raw: pl.DataFrame) -> None:
    files.write_parquet(files.RAW, replace("id", HIDDEN, 1)(raw))

    validate.main()

    assert HIDDEN not in files.STATISTICS.read_text() + files.VALIDATION.read_text()


def test_counts_add_up_to_the_rows(raw: pl.DataFrame) -> None:
    described = validate.statistics(raw, bins=10)

    for name in raw.columns:
        about = described[name]
        assert about["nulls"] == raw[name].null_count()
        if "distinct" not in about:
            counts = about["counts"]
            counted = counts.values() if isinstance(counts, dict) else counts
            assert sum(counted) + about.get("rest", 0) + about["nulls"] == raw.height, name


def test_every_column_that_may_be_shared_has_counts_and_a_key_has_none(raw: pl.DataFrame) -> None:
    described = validate.statistics(raw, bins=10)

    for name in contract.columns(schemas.Raw, "shareable"):
        assert "counts" in described[name]
    assert set(described["id"]) == {"type", "nulls", "distinct"}


def test_categories_are_counted_by_value(raw: pl.DataFrame) -> None:
    counts = validate.statistics(raw, bins=10)["origin"]["counts"]

    assert counts == {value: (raw["origin"] == value).sum() for value in ("EWR", "JFK", "LGA")}
