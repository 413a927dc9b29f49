"""Numbers of a column stand for themselves, with nulls or without."""

from typing import Any

import numpy as np
import pytest

from serving.rows import column, field
from serving.rows.column import Numbers

NAN = float("nan")
WHOLE = Numbers(np.array([3, 1, 2]), np.array([True, False, True]))


@pytest.mark.parametrize(
    ("numbers", "values", "ends"),
    [
        (Numbers(np.array([3, 1, 2])), [3, 1, 2], [1, 3]),
        (WHOLE, [3, None, 2], [2, 3, None]),
        (WHOLE.floats(), [3.0, None, 2.0], [2.0, 3.0, None]),
        (Numbers(np.array([1.5, -1.0], np.float32)), [1.5, -1.0], [-1.0, 1.5]),
        (Numbers(np.array([NAN, NAN])), [None, None], [None]),
        (Numbers(np.array([1]), np.array([False])), [None], [None]),
        (Numbers(np.array([2**64 - 1], np.uint64)), [2**64 - 1], [2**64 - 1] * 2),
        (Numbers(np.array([])), [], []),
    ],
)
def test_nulls_are_no_numbers(numbers: Numbers, values: list[Any], ends: list[Any]) -> None:
    assert numbers.python() == values
    assert numbers.ends() == ends
    assert column.known(numbers) == len(values) - values.count(None)


def test_several_batches_are_one_column() -> None:
    one, other = Numbers(np.array([7])), WHOLE

    assert column.python(column.joined([one, other, one])) == [7, 3, None, 2, 7]
    assert column.python(column.joined([one, [None]])) == [7, None]
    assert column.python(column.joined([one, one])) == [7, 7]


def test_a_choice_of_numbers_is_looked_at_one_by_one() -> None:
    one = field.of("a", 0, {"type": "integer", "enum": [1, 3]})

    assert column.sample(one, Numbers(np.array([1, 3, 2, 1]))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("said", "dtype"),
    [
        ({"type": ["integer", "null"], "format": "int8"}, np.float32),
        ({"type": ["integer", "null"], "format": "int64"}, np.float64),
    ],
)
def test_whole_numbers_beside_nulls_are_floats(said: dict[str, Any], dtype: Any) -> None:
    found = column.array(field.of("a", 0, said), WHOLE)

    assert found.dtype == dtype
    np.testing.assert_array_equal(found, [3, NAN, 2])


@pytest.mark.parametrize("rows", [1, column.FEW - 1, column.FEW])
def test_few_numbers_hold_on_to_no_request(rows: int) -> None:
    body = bytes(10_000)
    numbers = Numbers(np.frombuffer(body, np.float64, rows))

    found = column.array(field.of("a", 0, {"type": "number"}), numbers)

    assert np.shares_memory(found, numbers.found) == (rows >= column.FEW)
