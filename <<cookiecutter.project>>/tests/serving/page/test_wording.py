"""A field in words."""

from typing import Any

import pytest

from serving.page import wording


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"type": "integer", "minimum": 1950, "maximum": 2013}, "1950 to 2013"),
        ({"type": "number", "minimum": -0.5, "maximum": 20000}, "-0.5 to 20,000"),
        ({"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, ""),
        ({"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, "from 1"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "above 0; up to 1"),
        ({"type": ["string", "null"], "enum": ["a", "b", None]}, "a, b"),
        ({"type": "string", "pattern": "^x$"}, "matches ^x$"),
        ({"type": "string", "minLength": 2, "maxLength": 3}, "2 to 3 characters"),
        ({"type": "boolean"}, ""),
    ],
)
def test_rules(said: dict[str, Any], words: str) -> None:
    assert wording.rules(said) == words


def test_types_and_names() -> None:
    assert wording.kind({"type": ["null", "number"]}) == "number"
    assert wording.nullable({"type": ["number", "null"]})
    assert not wording.nullable({"type": "null_like"})
    assert wording.label("plane_year") == "Plane year"
    assert wording.label("") == ""
