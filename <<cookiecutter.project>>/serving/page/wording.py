"""A field of the contract in words, for people."""

from collections.abc import Mapping
from typing import Any

TYPES = {
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "string": "text",
    "date": "date, 2013-12-31",
    "time": "time, 23:59:00",
    "date-time": "date and time, 2013-12-31T23:59:00",
}
# Beyond, a bound is the one of the machine's words: nobody's rule, and no number in a browser.
LARGEST = 2**53
GROUPED = 10_000  # smaller numbers are read without a comma
BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


def label(name: str) -> str:
    """A name as the heading of a form has it."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def kind(field: Mapping[str, Any]) -> str:
    """Its type in JSON, without null."""
    said = field["type"]
    return str(said if isinstance(said, str) else next(one for one in said if one != "null"))


def nullable(field: Mapping[str, Any]) -> bool:
    return "null" in field["type"] and not isinstance(field["type"], str)


def choices(field: Mapping[str, Any]) -> list[Any]:
    return [value for value in field.get("enum", []) if value is not None]


def bounds(field: Mapping[str, Any]) -> dict[str, float]:
    """The least and the largest value, where somebody has set them."""
    return {word: field[word] for word in BOUNDS if word in field and abs(field[word]) < LARGEST}


def rules(field: Mapping[str, Any]) -> str:
    """What a value must be beside its type."""
    found = []
    known = bounds(field)
    if "minimum" in known and "maximum" in known:
        found.append(f"{number(known['minimum'])} to {number(known['maximum'])}")
    else:
        signs = zip(("from", "above", "up to", "below"), BOUNDS, strict=True)
        found += [f"{sign} {number(known[word])}" for sign, word in signs if word in known]
    if said := choices(field):
        found.append(", ".join(map(str, said)))
    if "pattern" in field:
        found.append(f"matches {field['pattern']}")
    if "minLength" in field or "maxLength" in field:
        low, high = field.get("minLength", 0), field.get("maxLength", "any number of")
        found.append(f"{low} to {high} characters")
    return "; ".join(found)


def number(value: float) -> str:
    """A number as people write it: 1950 is a year, 10,000 is many."""
    plain = str(value) if isinstance(value, int) else f"{value:.10g}"
    return plain if abs(value) < GROUPED else f"{value:,.10g}"
