"""The contract says of each column what the other rooms need to know."""

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import contract, schemas
from tests.strategies import frames

MODELS = [schemas.Raw, schemas.Features, schemas.Predictions]
MARKS = {"key", "shareable", "target", "unit"}


def test_rows_have_one_key_and_one_target() -> None:
    assert len(contract.columns(schemas.Raw, "key")) == 1
    assert len(contract.columns(schemas.Raw, "target")) == 1


def test_metadata_use_the_words_that_readers_know() -> None:
    for name, column in schemas.Raw.to_schema().columns.items():
        assert set(column.metadata or {}) <= MARKS, name


def test_a_key_names_a_row_and_is_not_shared() -> None:
    for name in contract.columns(schemas.Raw, "key"):
        assert schemas.Raw.to_schema().columns[name].unique
        assert name not in contract.columns(schemas.Raw, "shareable")


def test_every_number_of_the_raw_rows_has_bounds() -> None:
    for name, column in schemas.Raw.to_schema().columns.items():
        if column.dtype.type.is_numeric():
            rules = {rule.name for rule in column.checks}
            assert {"greater_than_or_equal_to", "less_than_or_equal_to"} <= rules, name


def test_a_column_that_is_not_in_the_contract_is_refused() -> None:
    assert schemas.Raw.to_schema().strict is True


@pytest.mark.parametrize("model", MODELS)
@given(data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
def test_pandera_itself_accepts_what_the_strategies_make(
    model: type[pa.DataFrameModel], data: st.DataObject
) -> None:
    frame = data.draw(frames(model, min_rows=1))

    assert isinstance(model.validate(frame), pl.DataFrame)
