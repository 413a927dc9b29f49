"""The contract `Raw` as data: a JSON Schema of what a client says of one row.

The service decodes by it and documents itself with it, and needs no pandera for that.
A column or a rule that JSON Schema has no words for is refused here, before anything trains.
"""

import math
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pandera.polars as pa
import polars as pl

from pipeline.stage import StageError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LARGEST = 2**63 - 1  # what a decoder of JSON holds in a machine word
MARKS = ("key", "private", "unit")  # the metadata that a client or the service reads

Schema = dict[str, Any]


def of(model: type[pa.DataFrameModel], hidden: list[str]) -> Schema:
    """The schema of a row of `model` without its `hidden` columns.

    Raises:
        StageError: each column and rule that can't be said.
    """
    schema = model.to_schema()
    found, wrong = {}, []
    if schema.checks or schema.unique:
        wrong.append(f"{model.__name__}: rules over several columns")
    for name, column in schema.columns.items():
        if name in hidden:
            continue
        try:
            found[name] = field(column)
        except Unsaid as reason:
            wrong.append(f"{model.__name__}.{name}: {reason}")
    if wrong:
        raise StageError(
            "pipeline/schemas.py: the service can't hold its clients to\n"
            + "\n".join(f"  {line}" for line in wrong)
            + "\n  see docs/your-data.md for the types and rules that JSON Schema can say"
        )
    return {
        "$schema": DIALECT,
        "title": model.__name__,
        "description": " ".join((model.__doc__ or "").split()),
        "type": "object",
        "properties": found,
        "required": list(found),
        "additionalProperties": False,
    }


class Unsaid(Exception):
    """JSON Schema has no words for it."""


def field(column: Any) -> Schema:
    """What a value of this column must be."""
    if column.regex or not column.required:
        raise Unsaid("a column that may be absent; make it nullable instead")
    found = type_of(column.dtype.type)
    for check in column.checks:
        try:
            say = WORDS[check.name]
            narrow(found, say(**check.statistics))
        except (KeyError, TypeError):  # one's own check, by whatever name
            raise Unsaid(f"the rule {check.error or check.name}") from None
    finish(found)
    if column.nullable:
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    if column.description:
        found["description"] = column.description
    if column.unique:
        found["x-unique"] = True
    known = column.metadata or {}
    return found | {f"x-{mark}": known[mark] for mark in MARKS if known.get(mark)}


def type_of(dtype: Any) -> Schema:
    """The words for a polars type."""
    if dtype.is_integer() and (name := str(dtype).lower()) in INTEGERS:
        low, high = INTEGERS[name]
        return {"type": "integer", "format": name, "minimum": low, "maximum": high}
    if dtype == pl.Float64:
        return {"type": "number", "format": "double"}
    if dtype == pl.Float32:
        return {"type": "number", "format": "float"}
    if dtype == pl.Boolean:
        return {"type": "boolean"}
    if dtype == pl.Enum:
        return {"type": "string", "enum": dtype.categories.to_list()}
    if dtype in (pl.String, pl.Categorical):
        return {"type": "string"}
    if dtype in (pl.Date, pl.Time):
        return {"type": "string", "format": str(dtype).lower()}
    if dtype == pl.Datetime and dtype.time_zone is None:
        return {"type": "string", "format": "date-time"}
    raise Unsaid(f"the type {dtype}")


INTEGERS: Mapping[str, tuple[int, int]] = {
    f"{sign}int{bits}": ((0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}


def between(
    min_value: Any, max_value: Any, include_min: bool = True, include_max: bool = True
) -> Schema:
    low = "minimum" if include_min else "exclusiveMinimum"
    high = "maximum" if include_max else "exclusiveMaximum"
    return {low: min_value, high: max_value}


def length(
    min_value: int | None = None, max_value: int | None = None, exact_value: int | None = None
) -> Schema:
    said = {
        "minLength": min_value if exact_value is None else exact_value,
        "maxLength": max_value if exact_value is None else exact_value,
    }
    return {word: value for word, value in said.items() if value is not None}


def listed(values: Any) -> list[Any]:
    """A set in an order that is always the same."""
    return sorted(values, key=str) if isinstance(values, set | frozenset) else list(values)


def starting(pattern: Any) -> Schema:
    """As pandera has it: anchored, unless it is."""
    text = getattr(pattern, "pattern", pattern)
    return {"pattern": text if text.startswith("^") else f"^{text}"}


# A rule of pandera, by its name: the words for it.
WORDS: Mapping[str, Callable[..., Schema]] = {
    "greater_than_or_equal_to": lambda min_value: {"minimum": min_value},
    "greater_than": lambda min_value: {"exclusiveMinimum": min_value},
    "less_than_or_equal_to": lambda max_value: {"maximum": max_value},
    "less_than": lambda max_value: {"exclusiveMaximum": max_value},
    "in_range": between,
    "equal_to": lambda value: {"enum": [value]},
    "isin": lambda allowed_values: {"enum": listed(allowed_values)},
    "not_equal_to": lambda value: {"not": {"enum": [value]}},
    "notin": lambda forbidden_values: {"not": {"enum": listed(forbidden_values)}},
    "str_matches": starting,
    "str_contains": lambda pattern: {"pattern": getattr(pattern, "pattern", pattern)},
    "str_startswith": lambda string: {"pattern": f"^{literal(string)}"},
    "str_endswith": lambda string: {"pattern": f"{literal(string)}$"},
    "str_length": length,
}
TIGHTER: Mapping[str, Callable[[Any, Any], Any]] = {
    "minimum": max,
    "exclusiveMinimum": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "minLength": max,
    "maxLength": min,
    "enum": lambda one, other: [value for value in one if value in other],
    "not": lambda one, other: {"enum": [*one["enum"], *other["enum"]]},
}
NUMERIC = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}
TEXTUAL = {"pattern", "minLength", "maxLength"}


def narrow(found: Schema, rule: Schema) -> None:
    """Add one more rule to those of a field."""
    numeric = found["type"] in ("integer", "number")
    for word, value in rule.items():
        if (word in NUMERIC and not numeric) or (word in TEXTUAL and numeric):
            raise Unsaid(f"{word} of a {found.get('format', found['type'])}")
        if word in NUMERIC:
            value = bound(word, value, whole=found["type"] == "integer")
        if word == "enum":
            value = choices(value, found)
        if word == "not":
            value = {"enum": choices(value["enum"], found)}
        if word == "pattern":
            readable(value)
        if word not in found:
            found[word] = value
        elif word in TIGHTER:
            found[word] = TIGHTER[word](found[word], value)
        else:
            raise Unsaid(f"a second {word}")


def bound(word: str, value: Any, whole: bool) -> int | float:
    """A bound as JSON can hold it."""
    number = float(value)
    if not math.isfinite(number):
        raise Unsaid(f"{word} {number}")
    if not whole:
        return number if number % 1 or abs(number) > LARGEST else int(number)
    if int(value) == value:
        return int(value)
    low = word in ("minimum", "exclusiveMinimum")
    # Between two whole numbers: the next one that keeps the rule, or the last that breaks it.
    up = low == (word in ("minimum", "maximum"))
    return math.ceil(number) if up else math.floor(number)


def choices(values: list[Any], found: Schema) -> list[Any]:
    """Values as JSON can hold them, in an order of their own."""
    kind = found["type"]
    known = [value for value in values if value is not None]  # null has a word of its own
    if found.get("format") in ("date", "time", "date-time") or not all(
        type(value) in KINDS[kind] for value in known
    ):
        raise Unsaid(f"choices that are no {found.get('format', kind)}")
    return known


KINDS: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
}


def finish(found: Schema) -> None:
    """What only the rules together show."""
    if found["type"] == "integer" and found["maximum"] > LARGEST:
        raise Unsaid("whole numbers above 2**63; bound them with le")
    if "enum" in found and not found["enum"]:
        raise Unsaid("choices that leave none")


def literal(text: str) -> str:
    """A pattern that is this text."""
    return re.sub(r"([\\^$.*+?()\[\]{}|/])", r"\\\1", text)


def readable(pattern: str) -> None:
    """Stop what Python would read otherwise than polars, or not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(pattern)
        except (re.error, FutureWarning):
            raise Unsaid(f"the pattern {pattern}") from None
