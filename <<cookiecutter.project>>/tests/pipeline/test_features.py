"""One function makes the matrix: for one row as for a million, in training as in the service."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline import contract, encoding, features, files, jsonschema, params, schemas
from pipeline.encoding import Encodings
from tests.projects import ROOT, succeed
from tests.strategies import frames

CATEGORIES = {*features.CODES, *features.RATES}


@pytest.fixture(scope="module")
def encodings(raw: pl.DataFrame) -> Encodings:
    return features.fit(raw.filter(pl.col("month") < 11), smoothing=200)


def test_a_million_rows_are_as_one_row_a_million_times(
    raw: pl.DataFrame, encodings: Encodings
) -> None:
    rows = raw.sample(300, seed=1)
    together = features.matrix(features.columns_of(rows), encodings)

    for place in range(rows.height):
        alone = features.matrix(features.columns_of(rows[place]), encodings)
        assert alone.tobytes() == together[place].tobytes()


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(rows=frames(schemas.Raw, min_rows=1))
def test_every_row_of_the_contract_has_features(rows: pl.DataFrame, encodings: Encodings) -> None:
    together = features.matrix(features.columns_of(rows), encodings)

    assert together.shape == (rows.height, len(features.NAMES))
    for place in range(rows.height):
        alone = features.matrix(features.columns_of(rows[place]), encodings)
        assert alone.tobytes() == together[place].tobytes()


def test_lists_are_accepted_as_arrays_are(raw: pl.DataFrame, encodings: Encodings) -> None:
    rows = raw.head(50)
    arrays = features.columns_of(rows)
    lists = {name: list(column) for name, column in arrays.items()}

    expected = features.matrix(arrays, encodings)
    assert features.matrix(lists, encodings).tobytes() == expected.tobytes()


def test_columns_stand_in_the_order_of_the_names(raw: pl.DataFrame, encodings: Encodings) -> None:
    rows = raw.head(100)
    values = features.matrix(features.columns_of(rows), encodings)

    assert values.dtype == np.float32
    assert len(set(features.NAMES)) == len(features.NAMES) == values.shape[1]
    for name in features.NUMBERS:
        expected = rows[name].cast(pl.Float32).fill_null(np.nan).to_numpy()
        np.testing.assert_array_equal(values[:, features.NAMES.index(name)], expected, name)
    for name in features.CODES:
        expected = encodings.codes[name](rows[name], 100)
        np.testing.assert_array_equal(values[:, features.NAMES.index(f"{name}_code")], expected)
    for name in features.RATES:
        expected = encodings.rates[name](rows[name], 100)
        np.testing.assert_array_equal(values[:, features.NAMES.index(f"{name}_rate")], expected)


def test_the_function_works_for_no_row(raw: pl.DataFrame, encodings: Encodings) -> None:
    assert features.matrix(features.columns_of(raw.head(0)), encodings).shape[0] == 0


def test_unknown_numbers_are_nan(raw: pl.DataFrame, encodings: Encodings) -> None:
    rows = raw.head(1).with_columns(
        temperature=pl.lit(None, pl.Float64), plane_year=pl.lit(None, pl.Float64)
    )

    values = dict(
        zip(features.NAMES, features.matrix(features.columns_of(rows), encodings)[0], strict=True)
    )

    assert np.isnan(values["temperature"])
    assert np.isnan(values["plane_age"])
    assert np.isfinite(values["distance"])


def test_a_plane_ages_and_a_flight_may_pass_midnight() -> None:
    columns = {"plane_year": [1999.0], "departure": [1430], "arrival": [20]}

    assert features.plane_age(columns).tolist() == [14.0]
    assert features.duration(columns).tolist() == [30]


def test_only_the_named_columns_are_read(raw: pl.DataFrame, encodings: Encodings) -> None:
    class Watched(dict[str, object]):
        read: set[str] = set()  # noqa: RUF012  one test, one object

        def __getitem__(self, name: str) -> object:
            self.read.add(name)
            return super().__getitem__(name)

    columns = Watched(features.columns_of(raw.head(1)))

    features.matrix(columns, encodings)

    assert {*features.NUMBERS, *CATEGORIES} <= columns.read
    assert columns.read.isdisjoint({"late", "id"})


def test_the_newest_months_judge_and_those_before_them_stop_the_training() -> None:
    chosen = params.Features(holdout=2, validation=1, smoothing=1.0)

    part = features.parts(pl.DataFrame({"month": range(1, 8)}), chosen)

    assert part.to_list() == ["train"] * 4 + ["validation"] + ["holdout"] * 2


def test_the_stage_writes_what_the_contract_says(after_training: Path) -> None:
    frame = files.read_parquet(files.FEATURES)

    contract.check(frame, schemas.Features, "features")
    assert frame.columns == ["id", "part", "label", *features.NAMES]
    assert frame["part"].unique().sort().to_list() == ["holdout", "train", "validation"]
    raw = files.read_parquet(files.RAW)
    assert frame["id"].equals(raw["id"])
    assert frame["label"].to_list() == raw["late"].cast(pl.Float64).to_list()


def test_the_contract_is_kept_as_data(trained: Path) -> None:
    assert files.read_json(trained / files.CONTRACT) == jsonschema.of(schemas.Raw, ["late"])


def test_what_the_service_imports_loads_no_library_of_the_training() -> None:
    heavy = ["polars", "pandera", "pandas", "pydantic", "yaml", "lightgbm"]
    ask = (
        "import sys; from pipeline import encoding, features, files, model, stage; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    assert succeed(sys.executable, "-B", "-c", ask, cwd=ROOT).strip() == "[]"


def test_encodings_are_fitted_on_training_rows_only(after_training: Path) -> None:
    before = files.ENCODINGS.read_bytes()
    matrix = files.read_parquet(files.FEATURES).drop("label")
    training = files.read_parquet(files.FEATURES)["part"] == "train"
    raw = files.read_parquet(files.RAW)

    def turn(rows: pl.Series) -> None:
        turned = pl.when(rows).then(~pl.col("late")).otherwise("late")
        files.write_parquet(files.RAW, raw.with_columns(late=turned))
        features.main()

    turn(~training)
    assert files.ENCODINGS.read_bytes() == before
    assert files.read_parquet(files.FEATURES).drop("label").equals(matrix)
    turn(training)
    assert files.ENCODINGS.read_bytes() != before


def test_codes_of_the_stage_know_no_value_of_the_holdout(after_training: Path) -> None:
    raw = files.read_parquet(files.RAW)
    holdout = files.read_parquet(files.FEATURES)["part"] == "holdout"
    moved = pl.when(holdout).then(pl.lit("ZZZ")).otherwise("destination")
    files.write_parquet(files.RAW, raw.with_columns(destination=moved))

    features.main()

    assert "ZZZ" not in encoding.read().rates["destination"].values
