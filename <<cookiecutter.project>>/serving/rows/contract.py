"""The contract of a row as data: models/contract.json, made from the pandera model `Raw`."""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from types import GenericAlias
from typing import Any, TypeAlias

import msgspec

from pipeline import files
from pipeline.stage import StageError
from serving.refusal import Error, Refusal
from serving.rows import field, table
from serving.rows.column import Column
from serving.rows.columns import Columns
from serving.rows.faults import Faults
from serving.rows.field import Field
from serving.rows.table import Table

Row: TypeAlias = msgspec.Struct
Rows: TypeAlias = Sequence[Row] | Table
MISSING = object()
DIGITS = 16  # of a hash in the log: 64 bits tell a billion values apart


class Contract:
    """What a row must be, what its columns are, and what the log keeps of it."""

    def __init__(self, schema: Any) -> None:
        """Take models/contract.json, parsed.

        Raises:
            StageError: it is no contract.
        """
        try:
            self.schema: dict[str, Any] = schema
            self.fields: tuple[Field, ...] = tuple(
                field.of(name, place, said)
                for place, (name, said) in enumerate(schema["properties"].items())
            )
            if not self.fields or schema["required"] != [one.name for one in self.fields]:
                raise ValueError
            self.Row: type[Row] = struct("Row", self.fields)
        except (KeyError, TypeError, ValueError, AttributeError, re.error):
            raise StageError(f"{files.CONTRACT}: no contract; run `make reproduce`") from None
        self.names = frozenset(one.name for one in self.fields)
        self.attributes = tuple(one.attribute for one in self.fields)
        self.late = [(attrgetter(f.attribute), f) for f in self.fields if f.late]
        self.unique = [attrgetter(f.attribute) for f in self.fields if f.unique]
        self.wholes = [f.name for f in self.fields if f.type == "integer" and f.nullable]
        self.public = [f for f in self.fields if not f.private]
        self.Kept = {
            False: struct("Kept", self.public, typed=False),
            True: struct("Kept", self.fields, typed=False),
        }
        self.Rows = list[self.Row]  # type: ignore[name-defined]
        self.Lists = struct("Lists", self.fields, many=True)
        self.of_rows = Columns(self.fields)

    def rows(self, said: Sequence[Any]) -> list[Row]:
        """Rows from objects of any format.

        Raises:
            Refusal: 422, with every rule that they break.
        """
        try:
            found: list[Row] = msgspec.convert(said, self.Rows)
        except (msgspec.ValidationError, UnicodeEncodeError, RecursionError):
            raise self.refusal(said) from None
        if not self.keeps(found):
            raise self.refusal(said)
        return found

    def whole(self, said: list[Any]) -> list[Any]:
        """The rows of a pandas frame: it has no null beside whole numbers, but floats then."""
        for name in self.wholes:
            for row in said:
                if isinstance(row, dict) and isinstance(value := row.get(name), float):
                    row[name] = int(value) if value.is_integer() else value
        return said

    def keeps(self, rows: Sequence[Row]) -> bool:
        """Do decoded rows keep the rules that their types can't hold?"""
        for of_row, one in self.late:
            values = (of_row(rows[0]),) if len(rows) == 1 else set(map(of_row, rows))
            if not one.keeps(values):
                return False
        if len(rows) > 1:
            for of_row in self.unique:
                if not once(list(map(of_row, rows))):
                    return False
        return True

    def table(self, said: Mapping[str, Column]) -> Table | None:
        """The columns of a request; None where they break a rule: which one, their rows tell."""
        return table.of(self.fields, self.Lists, said)

    def decoded(self, lists: msgspec.Struct) -> Table | None:
        """The same for columns that were decoded as `Lists`."""
        return table.of_lists(self.fields, msgspec.structs.astuple(lists))

    def refusal(self, said: Sequence[Any]) -> Refusal:
        return Refusal(422, self.errors(said) or [Error(None, "breaks the contract")])

    def columns(self, rows: Rows) -> Mapping[str, Any]:
        """The rows as `features.matrix` takes them: numbers as arrays, with NaN for null."""
        return rows.columns if isinstance(rows, Table) else self.of_rows(rows)

    def errors(self, rows: Sequence[Any]) -> list[Error]:
        """Every rule that these rows, decoded as JSON and no further, break; bounded."""
        faults = Faults()
        for place, row in enumerate(rows):
            if faults.spent():
                faults.rest(place, len(rows))
                break
            if not isinstance(row, dict):
                faults.add(None, "must be an object", place)
                continue
            if type(row) is not dict or not self.right(row):
                self.look(row, place, faults)
        for one in self.fields:
            if one.unique:
                faults.repeated(one, rows)
        return faults.errors()

    def right(self, row: dict[str, Any]) -> bool:
        """Is nothing wrong with one row? A tenth of the time of looking what is."""
        try:
            found = msgspec.convert(row, self.Row)
            msgspec.json.encode(found)  # JSON can say half of a surrogate pair, UTF-8 can't
            return self.keeps([found])
        except (msgspec.ValidationError, UnicodeEncodeError, RecursionError):
            return False

    def look(self, row: dict[str, Any], place: int, faults: Faults) -> None:
        """Find all that is wrong with one row."""
        faults.work += len(self.fields)
        for one in self.fields:
            value = row.get(one.name, MISSING)
            if value is MISSING:
                faults.add(one.name, "is missing", place)
            else:
                for rule in one.broken(value):
                    faults.add(one.name, rule, place)
        for name in getattr(row, "twice", ()):
            faults.add(name, "is given twice", place)
        if not row.keys() <= self.names:
            faults.unknown(row, self.names, place)

    def kept(self, rows: Rows, key: bytes = b"") -> Sequence[Row]:
        """The rows for the log: private fields hashed, or without a key left out."""
        public = len(self.public) == len(self.fields)
        if isinstance(rows, Table):
            rows = list(map(self.Row, *(rows.told() if public else rows.values())))
        if public:
            return rows
        Kept = self.Kept[bool(key)]  # noqa: N806  a class
        return [Kept(*self.hidden(row, key)) for row in rows]

    def hidden(self, row: Row, key: bytes) -> Iterator[Any]:
        for one in self.fields if key else self.public:
            value = getattr(row, one.attribute)
            yield hashed(key, one.name, value) if one.private and value is not None else value


def struct(
    name: str, fields: Sequence[Field], *, typed: bool = True, many: bool = False
) -> type[Row]:
    """A struct of these fields; of `many`, each holds a list."""

    def kind(one: Field) -> Any:
        decoded: Any = one.decoded if typed else Any
        return GenericAlias(list, decoded) if many else decoded

    return msgspec.defstruct(
        name,
        [(one.attribute, kind(one)) for one in fields],
        rename={one.attribute: one.name for one in fields},
        forbid_unknown_fields=True,
        gc=False,
    )


def once(values: list[Any]) -> bool:
    """Does no value come twice? A null is none."""
    distinct = set(values)
    nulls = values.count(None) if None in distinct else 0
    return len(distinct) - (nulls > 0) == len(values) - nulls


def hashed(key: bytes, name: str, value: Any) -> str:
    """The same for equal values of one field under one key, and no way back without the key."""
    said = b"\0".join((name.encode(), msgspec.json.encode(value)))
    return hmac.new(key, said, hashlib.sha256).hexdigest()[:DIGITS]
