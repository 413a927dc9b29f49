"""The rules of pandera in the words of JSON Schema, and several of them as one."""

import math
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

LARGEST = 2**63 - 1  # what a decoder of JSON holds in a machine word

Schema = dict[str, Any]


class Unsaid(Exception):
    """JSON Schema has no words for it."""


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


def words(check: Any) -> Schema:
    """What a rule asks of one value.

    Raises:
        Unsaid: it is one's own, by whatever name.
    """
    try:
        return WORDS[check.name](**check.statistics)
    except (KeyError, TypeError):
        raise Unsaid(f"the rule {check.error or check.name}") from None


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


def literal(text: str) -> str:
    """A pattern that is this text."""
    return re.sub(r"([\\^$.*+?()\[\]{}|/])", r"\\\1", text)


def readable(pattern: str) -> None:
    """Stop what Python would read otherwise than polars, or not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        re.purge()  # pandera may have read it already, and what is known is not warned of again
        try:
            re.compile(pattern)
        except (re.error, FutureWarning):
            raise Unsaid(f"the pattern {pattern}") from None
