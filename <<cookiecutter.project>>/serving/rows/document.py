"""A body as the JSON that it is, or the reason why it is none."""

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from serving.refusal import Refusal, refusal

DIGITS = 400  # of a whole number: none that a float can hold has more
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # byte order marks: UTF-8, UTF-16 and UTF-32
# Whole strings first, so that NaN inside one is its text; one without an end is skipped at once.
STRING_OR_NAN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|\bNaN\b', re.DOTALL)


class Twice(dict[str, Any]):
    """An object of JSON in which a name stands twice."""

    twice: tuple[str, ...]


def read(body: bytes) -> Any:
    """The value of a body, with all that is wrong in it.

    Raises:
        Refusal: 400, it has none.
    """
    try:
        return json.loads(
            body.decode(), object_pairs_hook=once, parse_int=whole, parse_constant=no_number
        )
    except (ValueError, RecursionError) as error:
        raise malformed(body, error) from None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    marked, seen = Twice(found), set[str]()
    names = [name for name, _ in pairs]
    marked.twice = tuple(dict.fromkeys(n for n in names if n in seen or seen.add(n)))  # type: ignore[func-returns-value]
    return marked


def whole(digits: str) -> int | float:
    """Python refuses thousands of digits, and takes its time for hundreds."""
    return int(digits) if len(digits) < DIGITS else math.inf


def no_number(name: str) -> NoReturn:
    raise ValueError(name)


def malformed(body: bytes, error: Exception) -> Refusal:
    """Why a body is no JSON; what it says is not repeated."""
    if not body:
        return refusal(400, "the body is empty")
    if body.startswith(MARKS) or b"\0" in body[:4]:
        return refusal(400, "the body must be UTF-8 without a byte order mark")
    if isinstance(error, UnicodeDecodeError):
        return refusal(400, "the body must be UTF-8")
    if isinstance(error, RecursionError):
        return refusal(400, "the body is nested too deeply")
    if any(found[0] == b"NaN" for found in STRING_OR_NAN.finditer(body)) or b"Infinity" in body:
        return refusal(400, "the body must be JSON, which has no NaN and no Infinity: say null")
    reason = str(error) if isinstance(error, msgspec.DecodeError) else ""
    reason = reason.removeprefix("JSON is malformed: ")
    return refusal(400, "the body must be JSON" + (f": {reason}" if reason else ""))


def without_nan(body: bytes) -> bytes:
    """Null for each NaN: so Python's clients say what is unknown."""
    return STRING_OR_NAN.sub(lambda found: b"null" if found[0] == b"NaN" else found[0], body)
