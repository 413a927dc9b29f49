"""JSON is read with all that is wrong in it, or refused with the reason."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.refusal import Refusal
from serving.rows import document
from serving.rows.document import Twice

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)  # fmt: skip


@given(JSON)
def test_what_is_json_is_read(value: Any) -> None:
    assert document.read(json.dumps(value).encode()) == value


def test_a_name_that_stands_twice_is_remembered() -> None:
    found = document.read(b'{"a": {"b": 1, "c": 2, "b": 3, "b": 4}, "d": {"b": 1}}')

    assert isinstance(found["a"], Twice)
    assert found["a"].twice == ("b",)
    assert found == {"a": {"b": 4, "c": 2}, "d": {"b": 1}}
    assert not isinstance(found["d"], Twice)


def test_digits_beyond_all_floats_cost_nothing() -> None:
    assert document.read(b"9" * 1_000_000) == math.inf


@given(st.binary(max_size=20))
def test_other_bytes_are_refused(body: bytes) -> None:
    try:
        json.loads(body.decode())
    except ValueError:
        with pytest.raises(Refusal) as caught:
            document.read(body)
        assert caught.value.status == 400


@given(st.lists(st.text('NaN"\\ ,') | st.just(float("nan"))))
def test_nan_is_null_and_the_text_nan_is_text(values: list[Any]) -> None:
    found = json.loads(document.without_nan(json.dumps(values).encode()))

    assert found == [None if value != value else value for value in values]
