"""What pandera holds rows to is said in words that every client reads, or refused."""

from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline import jsonschema, schemas
from pipeline.stage import StageError


def said(annotation: Any, **rules: Any) -> dict[str, Any]:
    """The words for one column."""
    model = type(
        "Model",
        (pa.DataFrameModel,),
        {"__annotations__": {"x": annotation}, "x": pa.Field(**rules), "__module__": __name__},
    )
    found: dict[str, Any] = jsonschema.of(model, [])["properties"]["x"]
    return found


def test_a_row_has_every_column_but_the_target_and_nothing_else() -> None:
    schema = jsonschema.of(schemas.Raw, ["late"])

    known = [name for name in schemas.Raw.to_schema().columns if name != "late"]
    assert list(schema["properties"]) == schema["required"] == known
    assert schema["additionalProperties"] is False
    assert schema["type"] == "object"
    assert schema["description"].startswith("A scheduled flight")


def test_a_column_says_its_type_its_rules_and_its_meaning() -> None:
    found = jsonschema.of(schemas.Raw, ["late"])["properties"]

    assert found["id"] == {
        "type": "string", "description": "origin, hour, flight", "x-key": True, "x-unique": True,
    }  # fmt: skip
    assert found["congestion"] == {
        "type": "integer", "format": "int64", "minimum": 1, "maximum": 200,
        "description": "from here this hour", "x-unit": "flights",
    }  # fmt: skip
    assert found["wind"] == {
        "type": ["number", "null"], "format": "double", "minimum": 0, "maximum": 150,
        "x-unit": "mph",
    }  # fmt: skip
    assert found["destination"] == {"type": "string", "pattern": "^[A-Z]{3}$"}
    assert found["origin"] == {"type": "string", "enum": schemas.AIRPORTS}


def test_a_private_field_is_marked() -> None:
    assert said(str, metadata={"private": True}) == {"type": "string", "x-private": True}


@pytest.mark.parametrize(
    ("annotation", "rules", "expected"),
    [
        (bool, {}, {"type": "boolean"}),
        (pl.Int8, {}, {"type": "integer", "format": "int8", "minimum": -128, "maximum": 127}),
        (pl.UInt16, {}, {"type": "integer", "format": "uint16", "minimum": 0, "maximum": 65535}),
        (pl.Float32, {"gt": 0.5}, {"type": "number", "format": "float", "exclusiveMinimum": 0.5}),
        (pl.Date, {}, {"type": "string", "format": "date"}),
        (pl.Time, {}, {"type": "string", "format": "time"}),
        (pl.Datetime, {"nullable": True}, {"type": ["string", "null"], "format": "date-time"}),
        (pl.Categorical, {}, {"type": "string"}),
        (pl.Enum, {"dtype_kwargs": {"categories": ["b", "a"]}},
         {"type": "string", "enum": ["b", "a"]}),
        (str, {"isin": {"b", "a"}, "nullable": True},
         {"type": ["string", "null"], "enum": ["a", "b", None]}),
        (str, {"isin": ["b", "a"], "eq": "a"}, {"type": "string", "enum": ["a"]}),
        (str, {"notin": ["b"], "ne": "a"}, {"type": "string", "not": {"enum": ["a", "b"]}}),
        (str, {"str_matches": "a|b"}, {"type": "string", "pattern": "^a|b"}),
        (str, {"str_contains": "a|b"}, {"type": "string", "pattern": "a|b"}),
        (str, {"str_startswith": "a.(/"}, {"type": "string", "pattern": r"^a\.\(\/"}),
        (str, {"str_endswith": "$"}, {"type": "string", "pattern": r"\$$"}),
        (str, {"str_length": {"min_value": 1, "max_value": 3}},
         {"type": "string", "minLength": 1, "maxLength": 3}),
        (str, {"str_length": {"exact_value": 2}},
         {"type": "string", "minLength": 2, "maxLength": 2}),
        (float, {"in_range": {"min_value": 0, "max_value": 1, "include_max": False}},
         {"type": "number", "format": "double", "minimum": 0, "exclusiveMaximum": 1}),
    ],
)  # fmt: skip
def test_types_and_rules_have_their_words(
    annotation: Any, rules: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = said(annotation, **rules)

    if "not" in found:
        found["not"]["enum"].sort()
    assert found == expected


@pytest.mark.parametrize(
    ("rules", "low", "high"),
    [
        ({"ge": 0.5, "le": 9.5}, "minimum 1", "maximum 9"),
        ({"gt": 0.5, "lt": 9.5}, "exclusiveMinimum 0", "exclusiveMaximum 10"),
        ({"ge": 1.0, "le": 9}, "minimum 1", "maximum 9"),
    ],
)
def test_bounds_of_whole_numbers_are_whole(rules: dict[str, Any], low: str, high: str) -> None:
    found = said(int, **rules)

    words = [f"{word} {value}" for word, value in found.items()]
    assert {low, high} <= set(words)
    assert not [value for value in found.values() if isinstance(value, float)]


class Unsayable(pa.DataFrameModel):
    even: int
    gone: int | None
    zoned: Annotated[pl.Datetime, "us", "UTC"]
    listed: pl.List = pa.Field(dtype_kwargs={"inner": pl.Int64})
    spent: pl.Duration
    day: pl.Date = pa.Field(ge=0)
    endless: float = pa.Field(le=float("inf"))
    posix: str = pa.Field(str_matches="[[:alpha:]]+")
    flags: str = pa.Field(str_matches="(?i)a")
    both: str = pa.Field(str_matches="a", str_contains="b")
    vast: pl.UInt64
    none: int = pa.Field(isin=[1], eq=2)
    mixed: int = pa.Field(isin=[1.5])
    fine: str = pa.Field(isin=["a"])

    @pa.check("even")
    def is_even(cls, data: Any) -> Any:  # noqa: N805
        return data.lazyframe.select(pl.col(data.key) % 2 == 0)


def test_what_cannot_be_said_is_named_all_at_once() -> None:
    with pytest.raises(StageError) as caught:
        jsonschema.of(Unsayable, [])

    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert lines[0] == "pipeline/schemas.py: the service can't hold its clients to"
    assert "Unsayable.even: the rule is_even" in lines
    assert "Unsayable.posix: the pattern ^[[:alpha:]]+" in lines
    assert [line.partition(":")[0].removeprefix("Unsayable.") for line in lines[1:-1]] == [
        "even", "gone", "zoned", "listed", "spent", "day", "endless", "posix", "flags", "both",
        "vast", "none", "mixed",
    ]  # fmt: skip
    assert "docs/your-data.md" in lines[-1]


def test_a_rule_over_several_columns_is_refused() -> None:
    class Model(pa.DataFrameModel):
        a: int
        b: int

        class Config:
            unique = ["a", "b"]  # noqa: RUF012

    with pytest.raises(StageError, match="Model: rules over several columns"):
        jsonschema.of(Model, [])


def test_a_bounded_large_number_is_fine() -> None:
    assert said(pl.UInt64, le=2**40)["maximum"] == 2**40
