"""Rules are put in words one by one, and the tightest of them count."""

import pandera.polars as pa
import pytest

from pipeline import rules
from pipeline.rules import Unsaid


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (pa.Check.ge(2), {"minimum": 2}),
        (pa.Check.isin({"b", "a"}), {"enum": ["a", "b"]}),
        (pa.Check.str_matches("a|b"), {"pattern": "^a|b"}),
        (pa.Check.str_endswith("$."), {"pattern": r"\$\.$"}),
        (pa.Check.in_range(0, 1, include_min=False), {"exclusiveMinimum": 0, "maximum": 1}),
    ],
)
def test_a_rule_has_its_words(check: pa.Check, expected: rules.Schema) -> None:
    assert rules.words(check) == expected


def test_a_rule_of_ones_own_has_none() -> None:
    with pytest.raises(Unsaid, match="the rule is even"):
        rules.words(pa.Check(lambda data: data, error="is even"))


def test_of_two_rules_the_tighter_counts() -> None:
    field = {"type": "integer", "format": "int8", "minimum": -128, "maximum": 127}
    for rule in ({"minimum": 1.5}, {"minimum": 0}, {"maximum": 9.5}, {"enum": [1, 2, 3]}):
        rules.narrow(field, rule)
    rules.narrow(field, {"enum": [3, 4]})
    assert field == {
        "type": "integer", "format": "int8", "minimum": 2, "maximum": 9, "enum": [3],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"pattern": "a"}, "pattern of a double"),
        ({"minimum": float("nan")}, "minimum nan"),
        ({"enum": ["a"]}, "choices that are no double"),
        ({"not": {"enum": [True]}}, "choices that are no double"),
    ],
)
def test_a_rule_that_does_not_fit_its_field_is_refused(rule: rules.Schema, why: str) -> None:
    with pytest.raises(Unsaid, match=why):
        rules.narrow({"type": "number", "format": "double"}, rule)


def test_two_patterns_are_one_too_many() -> None:
    field = {"type": "string"}
    rules.narrow(field, {"pattern": "a"})
    with pytest.raises(Unsaid, match="a second pattern"):
        rules.narrow(field, {"pattern": "b"})


@pytest.mark.parametrize("pattern", ["[[:alpha:]]+", "("])
def test_a_pattern_that_python_reads_otherwise_is_refused(pattern: str) -> None:
    with pytest.raises(Unsaid, match="the pattern"):
        rules.narrow({"type": "string"}, {"pattern": pattern})
