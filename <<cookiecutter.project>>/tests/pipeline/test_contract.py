"""A contract's verdicts are pandera's own, and what is said of a row is never its values."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import pandera.pandas
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import contract, schemas
from pipeline.stage import StageError
from tests.strategies import frames, wrong_cells, wrong_shapes

MODELS = [schemas.Raw, schemas.Features, schemas.Predictions]
WORDS = {"not_nullable": "must not be null", "field_uniqueness": "must be unique"}
# pandas types that hold a null without becoming another type.
PANDAS: Mapping[Any, str] = {
    pl.Int64: "Int64",
    pl.Float64: "float64",
    pl.Float32: "float32",
    pl.String: "str",
    pl.Boolean: "boolean",
}
SLOW = settings(
    max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

Verdicts = dict[tuple[str, str], tuple[int, tuple[int, ...]]]


@cache
def of_pandas(model: type[pa.DataFrameModel]) -> pandera.pandas.DataFrameSchema:
    """The same rules for pandera's pandas backend."""
    schema = model.to_schema()
    columns = {
        name: pandera.pandas.Column(
            PANDAS[column.dtype.type],
            checks=[getattr(pandera.pandas.Check, c.name)(**c.statistics) for c in column.checks],
            nullable=column.nullable,
            unique=column.unique,
        )
        for name, column in schema.columns.items()
    }
    return pandera.pandas.DataFrameSchema(columns, strict=schema.strict)


def by_pandas(frame: pl.DataFrame, model: type[pa.DataFrameModel]) -> Verdicts:
    """What pandera's pandas backend says of the same rows."""
    # From lists: the way over numpy turns integers beside a null to floats, and loses digits.
    table = pd.DataFrame(
        {c.name: pd.Series(c.to_list(), dtype=PANDAS[c.dtype]) for c in frame.iter_columns()}
    )
    try:
        of_pandas(model).validate(table, lazy=True)
    except pandera.pandas.errors.SchemaErrors as errors:
        return verdicts(errors.failure_cases.to_dict("records"))
    return {}


def verdicts(cases: list[dict[str, Any]]) -> Verdicts:
    shape: Verdicts = {}
    rows: dict[tuple[str, str], list[int]] = {}
    for case in cases:
        rule = case["check"]
        if rule == "column_in_dataframe":
            shape[case["failure_case"], "is missing"] = (0, ())
        elif rule == "column_in_schema":
            shape[case["failure_case"], "is not in the contract"] = (0, ())
        elif rule.startswith("dtype("):
            shape[case["column"], "type"] = (0, ())
        else:
            rows.setdefault((case["column"], WORDS.get(rule, rule)), []).append(case["index"])
    wrong = {column for column, _ in shape}
    found = {
        key: (len(numbers), tuple(sorted(numbers)[: contract.ROWS_NAMED]))
        for key, numbers in rows.items()
        if key[0] not in wrong  # pandas goes on with values of a wrong type; that says nothing
    }
    return shape | found


def by_contract(frame: pl.DataFrame, model: type[pa.DataFrameModel]) -> Verdicts:
    found = contract.violations(frame, model)
    keys = [
        (v.column, "type" if v.rule.startswith("must be ") and not v.rows else v.rule)
        for v in found
    ]
    assert max(Counter(keys).values(), default=1) == 1, "a rule is named twice"
    return {key: (v.count, v.rows) for key, v in zip(keys, found, strict=True)}


@pytest.mark.parametrize("model", MODELS)
@SLOW
@given(data=st.data())
def test_frames_made_from_the_model_keep_it(
    model: type[pa.DataFrameModel], data: st.DataObject
) -> None:
    frame = data.draw(frames(model))

    assert contract.violations(frame, model) == []
    assert by_pandas(frame, model) == {}


@pytest.mark.parametrize("model", MODELS)
@SLOW
@given(data=st.data())
def test_verdicts_on_cells_are_those_of_pandas(
    model: type[pa.DataFrameModel], data: st.DataObject
) -> None:
    frame = data.draw(wrong_cells(model))

    assert by_contract(frame, model) == by_pandas(frame, model)


@pytest.mark.parametrize("model", MODELS)
@SLOW
@given(data=st.data())
def test_verdicts_on_shapes_are_those_of_pandas(
    model: type[pa.DataFrameModel], data: st.DataObject
) -> None:
    frame = data.draw(wrong_shapes(model))

    assert by_contract(frame, model) == by_pandas(frame, model)


def raw_with(raw: pl.DataFrame, **columns: Any) -> list[contract.Violation]:
    """What is said of ten real rows with columns replaced, by a list or one value."""
    rows = raw.head(10)
    series = [
        pl.Series(name, values, raw.schema[name])
        if isinstance(values, list)
        else pl.lit(values).alias(name)
        for name, values in columns.items()
    ]
    return contract.violations(rows.with_columns(series), schemas.Raw)


def test_real_rows_keep_the_contract(raw: pl.DataFrame) -> None:
    contract.check(raw, schemas.Raw, "raw")


def test_nulls_and_nan_in_the_target_or_in_a_number_are_null(raw: pl.DataFrame) -> None:
    late = [None, *raw["late"].head(9)]
    distance = [float("nan"), None, *raw["distance"].head(8)]

    assert raw_with(raw, late=late) == [contract.Violation("late", "must not be null", 1, (0,))]
    assert raw_with(raw, distance=distance) == [
        contract.Violation("distance", "must not be null", 2, (0, 1))
    ]


def test_a_nan_target_is_refused() -> None:
    frame = pl.DataFrame(
        {"id": ["a", "b"], "part": ["train", "train"], "label": [1.0, float("nan")]}
    )

    assert contract.violations(frame, schemas.Features) == [
        contract.Violation("label", "must not be null", 1, (1,))
    ]


def test_a_duplicate_key_is_named_with_all_its_rows(raw: pl.DataFrame) -> None:
    ids = raw["id"].head(10).to_list()
    ids[7] = ids[2]

    assert raw_with(raw, id=ids) == [contract.Violation("id", "must be unique", 2, (2, 7))]


def test_missing_extra_and_wrong_columns_are_named_together(raw: pl.DataFrame) -> None:
    frame = (
        raw.head(10)
        .drop("day")
        .with_columns(
            pl.lit("x").alias("distance"), pl.lit(1).alias("one"), pl.lit(2).alias("another")
        )
    )

    assert sorted(map(str, contract.violations(frame, schemas.Raw))) == [
        "another: is not in the contract",
        "day: is missing",
        "distance: must be Float64, is String",
        "one: is not in the contract",
    ]


def test_the_message_names_source_model_column_rule_count_and_first_rows(
    raw: pl.DataFrame,
) -> None:
    frame = raw.head(10).with_columns(month=pl.lit(13, pl.Int64))

    with pytest.raises(StageError) as caught:
        contract.check(frame, schemas.Raw, "data/raw.parquet")

    said = str(caught.value).splitlines()
    assert said[0] == "data/raw.parquet breaks the contract pipeline/schemas.py:Raw:"
    assert said[1] == "  month: less_than_or_equal_to(12): 10 rows (0, 1, 2, 3, 4, …)"
    assert len(said) == 3


HIDDEN = {pl.String: "N4711X-hidden", pl.Int64: 987654321987, pl.Float64: 987654321.25}


@given(data=st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_holds_a_value(raw: pl.DataFrame, data: st.DataObject) -> None:
    rows = raw.head(3)
    name = data.draw(st.sampled_from(rows.columns))
    dtype = data.draw(st.sampled_from([*HIDDEN]))  # the column's own type, or a wrong one
    held = [HIDDEN[dtype], HIDDEN[dtype], None]  # twice: a key may be anything, but once
    if dtype == rows.schema[name]:
        held = [new or old for new, old in zip(held, rows[name], strict=True)]

    with pytest.raises(StageError) as caught:
        contract.check(rows.with_columns(pl.Series(name, held, dtype)), schemas.Raw, "raw")

    assert name in str(caught.value)
    assert str(HIDDEN[dtype]) not in str(caught.value)


def test_columns_are_chosen_by_their_metadata() -> None:
    assert contract.columns(schemas.Raw, "key") == ["id"]
    assert contract.columns(schemas.Raw, "target") == ["late"]
    assert "id" not in contract.columns(schemas.Raw, "shareable")
