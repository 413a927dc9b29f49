"""The contract `Raw` as data: a JSON Schema of what a client says of one row.

The service decodes by it and documents itself with it, and needs no pandera for that.
A column or a rule that JSON Schema has no words for is refused here, before anything trains.
"""

from collections.abc import Mapping
from typing import Any

import pandera.polars as pa
import polars as pl

from pipeline.rules import LARGEST, Schema, Unsaid, narrow, words
from pipeline.stage import StageError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MARKS = ("key", "private", "unit")  # the metadata that a client or the service reads


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


def field(column: Any) -> Schema:
    """What a value of this column must be."""
    if column.regex or not column.required:
        raise Unsaid("a column that may be absent; make it nullable instead")
    found = type_of(column.dtype.type)
    for check in column.checks:
        narrow(found, words(check))
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


def finish(found: Schema) -> None:
    """What only the rules together show."""
    if found["type"] == "integer" and found["maximum"] > LARGEST:
        raise Unsaid("whole numbers above 2**63; bound them with le")
    if "enum" in found and not found["enum"]:
        raise Unsaid("choices that leave none")
