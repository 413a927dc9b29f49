"""Columns are the same, however many rows they are made of."""

import numpy as np
import pytest

from pipeline import jsonschema
from serving.rows import columns
from serving.rows.contract import Contract
from tests.serving import tables
from tests.serving.rows.test_table import Every, of_every

CONTRACT = Contract(jsonschema.of(Every, []))


@pytest.mark.parametrize("rows", [1, 2, columns.MANY - 1, columns.MANY, 2 * columns.MANY])
def test_each_has_the_values_of_its_field(rows: int) -> None:
    frame = of_every(np.random.default_rng(rows), max(rows, 3)).head(rows)
    held = CONTRACT.rows(tables.said(frame))

    found = CONTRACT.columns(held)

    assert found.keys() == CONTRACT.names
    for one in CONTRACT.fields:
        expected = one.column([getattr(row, one.attribute) for row in held])
        np.testing.assert_array_equal(found[one.name], expected, one.name)
        assert getattr(found[one.name], "dtype", list) == getattr(expected, "dtype", list)


def test_a_type_with_one_field_is_a_column_too() -> None:
    contract = Contract({"properties": {"a": {"type": "number"}}, "required": ["a"]})

    assert contract.columns(contract.rows([{"a": 1}]))["a"].tolist() == [1.0]
