"""What a value of a field must keep: a word of JSON Schema, as a sentence and as a test."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LISTED = 20  # choices that a sentence names: a client with more of them has a list of its own


@dataclass(frozen=True)
class Rule:
    name: str  # what a client is told, and no value of its row
    kept: Callable[[Any], bool]
    meta: Mapping[
        str, Any
    ]  # the same for msgspec; empty where it has no word for it, or a slow one
    between: bool = False  # who keeps it with two numbers keeps it with all between them


def of(said: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules of a property of the schema."""
    for word, make in WORDS.items():
        if word in said:
            yield make(said[word])


def minimum(low: float) -> Rule:
    return Rule(
        f"must be at least {low}", lambda value: bool(value >= low), {"ge": low}, between=True
    )


def more(low: float) -> Rule:
    return Rule(
        f"must be more than {low}", lambda value: bool(value > low), {"gt": low}, between=True
    )


def maximum(high: float) -> Rule:
    return Rule(
        f"must be at most {high}", lambda value: bool(value <= high), {"le": high}, between=True
    )


def less(high: float) -> Rule:
    return Rule(
        f"must be less than {high}", lambda value: bool(value < high), {"lt": high}, between=True
    )


def shortest(length: int) -> Rule:
    name = f"must have at least {length} characters"
    return Rule(name, lambda value: len(value) >= length, {"min_length": length})


def longest(length: int) -> Rule:
    name = f"must have at most {length} characters"
    return Rule(name, lambda value: len(value) <= length, {"max_length": length})


def matching(pattern: str) -> Rule:
    search = re.compile(python(pattern)).search
    # Ours, not msgspec's: that looks at each value, where we look at each once (contract.py).
    return Rule(f"must match {pattern}", lambda value: search(value) is not None, {})


def one_of(values: list[Any]) -> Rule:
    known = {value for value in values if value is not None}
    name = f"must be one of {listed(values)}"
    return Rule(name, known.__contains__, {})


def none_of(values: Mapping[str, Any]) -> Rule:
    known = frozenset(values["enum"])
    return Rule(f"must be none of {listed(values['enum'])}", lambda value: value not in known, {})


WORDS: Mapping[str, Callable[[Any], Rule]] = {
    "minimum": minimum,
    "exclusiveMinimum": more,
    "maximum": maximum,
    "exclusiveMaximum": less,
    "minLength": shortest,
    "maxLength": longest,
    "pattern": matching,
    "enum": one_of,
    "not": none_of,
}


def listed(values: list[Any]) -> str:
    known = [str(value) for value in values if value is not None]
    return ", ".join(known[:LISTED]) + (", …" if len(known) > LISTED else "")


def python(pattern: str) -> str:
    r"""The pattern with Python's word for its `$`, which there is true before a last `\n` too."""
    parts = r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$"  # an escape, a class, the end
    return re.sub(
        parts, lambda found: r"\Z" if found[0] == "$" else found[0], pattern, flags=re.DOTALL
    )
