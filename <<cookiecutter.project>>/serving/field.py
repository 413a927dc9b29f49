"""One field of a row, as models/contract.json has it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Field:
    name: str
    attribute: str  # of the struct `Row`: the name, where it is an identifier
    type: str  # of JSON Schema: integer, number, string, boolean
    format: str | None  # int64, double, date, date-time, … where one is said
    nullable: bool
    minimum: float | None
    maximum: float | None
    choices: tuple[Any, ...]  # of which the value must be one; empty where it may be any
    pattern: str | None
    unit: str | None
    description: str | None
    key: bool  # names the row
    unique: bool  # in one request
    private: bool  # is hashed in the log, or left out
