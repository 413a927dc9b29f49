"""What the whole room shares: settings that are right or refused, and how a refusal reads."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

FULL = "the disk is full: make room on this machine and on the engine, then run this again"


class Refused(Exception):
    """Something can't be done; the message says what was wrong, where, and what to do."""


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


Kind = TypeVar("Kind", bound=Strict)
LONGEST = 80  # characters of a wrong value: enough to find it by


def parse(kind: type[Kind], values: Mapping[str, Any] | str, source: str) -> Kind:
    """Settings from a mapping, or a record from JSON text.

    Raises:
        Refused: one line per wrong key, with its value and its rule.
    """
    try:
        if isinstance(values, str):
            return kind.model_validate_json(values)
        return kind.model_validate(values)
    except ValidationError as error:
        lines = [explain(source, dict(found)) for found in error.errors()]
        raise Refused("\n".join(lines)) from None


def explain(source: str, found: Mapping[str, Any]) -> str:
    """One pydantic error as `source: key = value: rule`."""
    key = ".".join(str(part) for part in found["loc"])
    rule = found["msg"].removeprefix("Value error, ")
    if found["type"] == "missing":
        return f"{source}: {key}: missing; add it"
    if found["type"] == "extra_forbidden":
        return f"{source}: {key}: unknown key; remove it or correct its name"
    if found["type"] in ("json_invalid", "value_error"):
        return f"{source}: {key + ': ' if key else ''}{rule}"
    value = f"{key} = {shown(found['input'])}: " if key else ""
    return f"{source}: {value}{rule}"


def shown(value: Any) -> str:
    """A value in a message of one line; of a long one, its beginning."""
    whole = repr(value)
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}…"
