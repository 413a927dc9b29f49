"""One field of a row, as models/contract.json has it: for msgspec, for numpy, and in words."""

import datetime
import keyword
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from serving.rows import rule
from serving.rows.rule import Rule

# What a value must be: by format, where that decides it, and else by type.
KINDS: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "date": "a date as 2013-12-31",
    "time": "a time of day without a zone, as 23:59:59",
    "date-time": "a date and time without a zone, as 2013-12-31T23:59:59",
}
TIMES: Mapping[str, Any] = {
    "date": datetime.date,
    "time": Annotated[datetime.time, msgspec.Meta(tz=False)],
    "date-time": Annotated[datetime.datetime, msgspec.Meta(tz=False)],
}
PLAIN: Mapping[str, Any] = {"integer": int, "number": float, "boolean": bool, "string": str}
# msgspec has no word for "finite"; a float32 also ends sooner.
FINITE: Mapping[str, float] = {
    "double": float(np.finfo(np.float64).max),
    "float": float(np.finfo(np.float32).max),
}
SMALL = 2  # bytes of a whole number that polars makes a float32 of where nulls are
DTYPES: Mapping[str, Any] = {"double": np.float64, "float": np.float32}


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
    rules: tuple[Rule, ...]
    decoded: Any  # the type that msgspec decodes
    late: tuple[Rule, ...]  # the rules that this type can't hold
    between: bool  # who keeps all rules with two numbers keeps them with all between
    dtype: Any  # of numpy; None where the column is a list

    @property
    def free(self) -> bool:
        """May it be any text?"""
        return self.kind == "string" and not self.rules

    def broken(self, value: Any) -> list[str]:
        """Every rule that a value breaks, as a sentence without the value."""
        if value is None:
            return [] if self.nullable else ["must not be null"]
        try:
            found = self.typed(value)
        except (msgspec.ValidationError, TypeError, UnicodeEncodeError, OverflowError):
            return [f"must be {KINDS[self.kind]}"]
        return [one.name for one in self.rules if not one.kept(found)]

    @property
    def ends(self) -> bool:
        """Do two numbers stand for all between them?"""
        return self.between and not self.unique

    @property
    def kind(self) -> str:
        """The format, where that decides what a value must be, and else the type."""
        return self.format if self.format and self.format in TIMES else self.type

    def typed(self, value: Any) -> Any:
        """The value as its type, by the same ways as msgspec."""
        if self.kind in TIMES:
            return msgspec.convert(value, TIMES[self.kind])
        if self.type == "number" and type(value) in (int, float):
            number = float(value)
            if not abs(number) <= FINITE[self.format or "double"]:
                raise OverflowError
            return number
        if type(value) is not PLAIN[self.type]:
            raise TypeError
        if self.type == "string":
            value.encode()  # JSON can say half of a surrogate pair, UTF-8 can't
        return value

    def keeps(self, values: Iterable[Any]) -> bool:
        """Do decoded values keep the rules that their type can't hold?"""
        for value in values:
            if value is not None:
                for one in self.late:
                    if not one.kept(value):
                        return False
        return True

    def column(self, values: Sequence[Any]) -> Any:
        """As `features.columns_of` has it: numbers in an array, NaN for null."""
        if self.dtype is None:
            return list(values)
        if not self.nullable:  # in half the time
            form = f"{len(values)}{np.dtype(self.dtype).char}"
            return np.frombuffer(struct.pack(form, *values), self.dtype)
        if self.mixed and None in values:
            return np.fromiter(values, self.floats, len(values))
        return np.fromiter(values, self.dtype, len(values))

    @property
    def mixed(self) -> bool:
        """Is a column of whole numbers one of floats where nulls are?"""
        return self.nullable and self.type == "integer"

    @property
    def floats(self) -> Any:
        """What polars makes of whole numbers beside nulls."""
        return np.float32 if np.dtype(self.dtype).itemsize <= SMALL else np.float64


def of(name: str, place: int, said: Mapping[str, Any]) -> Field:
    """The field that a property of the schema describes.

    Raises:
        KeyError, TypeError, ValueError: it is none of ours.
    """
    types = said["type"] if isinstance(said["type"], list) else [said["type"]]
    (kind,) = (one for one in types if one != "null")
    form, nullable = said.get("format"), "null" in types
    rules = tuple(halved(said) if form == "float" else rule.of(said))
    decoded, late = decoding(kind, form, said, rules)
    return Field(
        name=name,
        attribute=attribute(name, place),
        type=kind,
        format=form,
        nullable=nullable,
        minimum=said.get("minimum"),
        maximum=said.get("maximum"),
        choices=tuple(choice for choice in said.get("enum", ()) if choice is not None),
        pattern=said.get("pattern"),
        unit=said.get("x-unit"),
        description=said.get("description"),
        key=said.get("x-key", False),
        unique=said.get("x-unique", False),
        private=said.get("x-private", False),
        rules=rules,
        decoded=decoded | None if nullable else decoded,
        late=late,
        between=all(one.between for one in rules),
        dtype=dtype(kind, form),
    )


def decoding(
    kind: str, form: str | None, said: Mapping[str, Any], rules: tuple[Rule, ...]
) -> tuple[Any, tuple[Rule, ...]]:
    """The type that msgspec decodes, and the rules that it leaves to us."""
    if form is not None and form in TIMES:
        return TIMES[form], ()
    if "enum" in said and kind in ("string", "integer"):
        kept = tuple(
            value
            for value in said["enum"]
            if value is not None and all(one.kept(value) for one in rules)
        )
        return Literal[kept], ()
    meta: dict[str, Any] = reduce(lambda one, other: {**one, **other.meta}, rules, {})
    if kind == "number":
        finite = FINITE[form or "double"]
        meta["ge"] = max(meta.get("ge", -finite), -finite)
        meta["le"] = min(meta.get("le", finite), finite)
    # msgspec takes one bound of each side.
    if "gt" in meta and "ge" in meta:
        del meta["ge" if meta["gt"] >= meta["ge"] else "gt"]
    if "lt" in meta and "le" in meta:
        del meta["le" if meta["lt"] <= meta["le"] else "lt"]
    late = tuple(one for one in rules if not one.meta)
    return Annotated[PLAIN[kind], msgspec.Meta(**meta)] if meta else PLAIN[kind], late


def halved(said: Mapping[str, Any]) -> Iterator[Rule]:
    """Rules as polars compares a column of 32 bits: after both sides are rounded to them."""
    bounds = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"} & said.keys()
    rounded = {**said, **{word: float(np.float32(said[word])) for word in bounds}}
    for one, other in zip(rule.of(said), rule.of(rounded), strict=True):
        yield Rule(one.name, partial(kept_rounded, other), {}, one.between)


def kept_rounded(one: Rule, value: float) -> bool:
    return one.kept(float(np.float32(value)))


def dtype(kind: str, form: str | None) -> Any:
    if kind == "number":
        return DTYPES[form or "double"]
    return np.dtype(form or "int64").type if kind == "integer" else None


def attribute(name: str, place: int) -> str:
    plain = re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) and not keyword.iskeyword(name)
    return name if plain else f"_{place}"
