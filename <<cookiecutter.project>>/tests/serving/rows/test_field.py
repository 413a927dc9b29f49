"""A field is what its property says, for msgspec, for numpy and for people."""

from typing import Any

import msgspec
import numpy as np
import pytest

from serving.rows import field


def of(**said: Any) -> field.Field:
    return field.of("a name", 3, said)


def test_it_says_what_its_property_says() -> None:
    one = of(
        type=["integer", "null"], format="int16", minimum=1, maximum=9, enum=[3, 1, None],
        description="of things", **{"x-unit": "m", "x-key": True, "x-private": True},
    )  # fmt: skip

    assert (one.name, one.attribute) == ("a name", "_3")
    assert (one.type, one.format, one.nullable) == ("integer", "int16", True)
    assert (one.minimum, one.maximum, one.choices) == (1, 9, (3, 1))
    assert (one.unit, one.description, one.pattern) == ("m", "of things", None)
    assert (one.key, one.unique, one.private) == (True, False, True)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("month", "month"), ("Month_2", "Month_2"), ("class", "_3"), ("_x", "_3"), ("é", "_3")],
)
def test_an_attribute_is_a_name_that_python_takes(name: str, attribute: str) -> None:
    assert field.attribute(name, 3) == attribute


@pytest.mark.parametrize(
    ("said", "value", "rules"),
    [
        ({"type": "integer"}, True, ["must be a whole number"]),
        ({"type": "integer"}, 1.0, ["must be a whole number"]),
        ({"type": "number"}, "1", ["must be a number"]),
        ({"type": "number"}, 10**400, ["must be a number"]),
        ({"type": "number"}, float("nan"), ["must be a number"]),
        ({"type": "number", "format": "float"}, 1e39, ["must be a number"]),
        ({"type": "boolean"}, 1, ["must be true or false"]),
        ({"type": "string"}, "\ud800", ["must be text"]),
        ({"type": "string", "format": "date"}, "2013-02-30", ["must be a date as 2013-12-31"]),
        ({"type": "string"}, None, ["must not be null"]),
        ({"type": ["string", "null"]}, None, []),
        ({"type": "number"}, 3, []),
        (
            {"type": "string", "maxLength": 1, "pattern": "^b"},
            "aa",
            ["must have at most 1 characters", "must match ^b"],
        ),
    ],
)
def test_every_broken_rule_is_named(said: dict[str, Any], value: Any, rules: list[str]) -> None:
    assert of(**said).broken(value) == rules


def test_of_two_bounds_of_one_side_the_tighter_holds() -> None:
    for low, exclusive, kept, broken in ((0, 0, 1, 0), (1, 0, 1, 0), (0, 1, 2, 1)):
        one = of(type="integer", minimum=low, exclusiveMinimum=exclusive)
        assert msgspec.convert(kept, one.decoded) == kept
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(broken, one.decoded)


@pytest.mark.parametrize(
    ("said", "values", "dtype"),
    [
        ({"type": "integer", "format": "int8"}, (1, 2), np.int8),
        ({"type": ["integer", "null"], "format": "int8"}, (1, None), np.float32),
        ({"type": ["integer", "null"], "format": "int64"}, (1, None), np.float64),
        ({"type": ["integer", "null"], "format": "int64"}, (1, 2), np.int64),
        ({"type": ["number", "null"], "format": "double"}, (1.0, None), np.float64),
        ({"type": "number", "format": "float"}, (1.0, 2.0), np.float32),
    ],
)
def test_numbers_are_an_array_of_their_type(said: Any, values: Any, dtype: Any) -> None:
    column = of(**said).column(values)

    assert column.dtype == dtype
    assert [None if np.isnan(value) else value for value in column] == list(values)


def test_what_is_no_number_is_a_list() -> None:
    assert of(type=["boolean", "null"]).column((True, None)) == [True, None]
