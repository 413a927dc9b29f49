"""A rule's sentence, its test and its words for msgspec say the same."""

from typing import Annotated, Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rows import rule


@pytest.mark.parametrize(
    ("said", "name", "good", "bad"),
    [
        ({"minimum": 1}, "must be at least 1", 1, 0.5),
        ({"exclusiveMinimum": 1}, "must be more than 1", 1.5, 1),
        ({"maximum": 1}, "must be at most 1", 1, 1.5),
        ({"exclusiveMaximum": 1}, "must be less than 1", 0.5, 1),
        ({"minLength": 2}, "must have at least 2 characters", "éé", "é"),
        ({"maxLength": 2}, "must have at most 2 characters", "éé", "aaa"),
        ({"pattern": "^a$"}, "must match ^a$", "a", "a\n"),
        ({"enum": ["a", None]}, "must be one of a", "a", "b"),
        ({"not": {"enum": [1, 2]}}, "must be none of 1, 2", 3, 2),
    ],
)
def test_a_rule_holds(said: dict[str, Any], name: str, good: Any, bad: Any) -> None:
    (one,) = rule.of(said)

    assert one.name == name
    assert one.kept(good)
    assert not one.kept(bad)
    if one.meta:
        kind: Any = str if isinstance(good, str) else float
        typed: Any = Annotated[kind, msgspec.Meta(**one.meta)]
        assert msgspec.convert(good, typed) == good
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(bad, typed)


def test_of_many_choices_the_first_are_named() -> None:
    (one,) = rule.of({"enum": list(range(1000))})

    assert one.name.startswith("must be one of 0, 1, 2")
    assert one.name.endswith("19, …")
    assert one.kept(999)


@pytest.mark.parametrize(
    "pattern",
    ["^a$", r"^a\$", "^[$]$", "^[]$]", r"^[^\]$]$", "^(a|b$)", r"\\$", "^[a$-]+$", "a$|b"],
)
@given(text=st.text("ab$]\\\n-", max_size=4))
def test_an_end_is_the_end_as_for_polars(pattern: str, text: str) -> None:
    (one,) = rule.of({"pattern": pattern})
    readable = pattern.replace("[]$]", r"[\]$]")  # to polars it is no class

    assert one.kept(text) == pl.Series([text]).str.contains(readable)[0]
