"""From the bytes of a request to rows that keep the contract, or to a refusal of all that is wrong.

A request that is right is decoded in one step. Only one that is not is looked at field by field.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from serving.refusal import Error, Refusal, refusal
from serving.rows import document
from serving.rows.contract import Contract, Row, Rows
from serving.rows.faults import shown
from serving.rows.table import Table

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"  # what `curl -d` says of everything
ARROW = "application/vnd.apache.arrow.stream"
HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # of a surrogate pair, perhaps beside the other
SHAPE = 'the body must be {"rows": [{…}, …]} or {"columns": {"name": [value, …], …}}'
LONG = 4096  # bytes in which numpy finds a byte sooner than Python does
QUOTE = ord('"')
COLUMNS = re.compile(rb'\s*\{\s*"columns"')
INVOCATIONS = (
    "the body must have dataframe_split or dataframe_records: MLflow's other formats have no names"
)


class Reader:
    def __init__(self, contract: Contract, most: int) -> None:
        self.contract = contract
        self.most = most  # rows of one request
        self.decoder = decoder("rows", contract.Rows)
        self.decoder_of_columns = decoder("columns", contract.Lists)
        names = [one for one in contract.fields if one.type == "string"]
        self.strings = len(names)
        self.maybe = [one.attribute for one in names if one.nullable]

    def read(self, kind: str, body: bytes) -> Rows:
        """The rows of a request to /predict, whose content type is `kind`.

        Raises:
            Refusal: 400, 413, 415 or 422, with every error.
        """
        if kind != JSON and (media := media_type(kind)) != JSON:
            if media == ARROW:
                # Asked for only here: who sends JSON need not wait for it.
                from serving.rows import arrow

                stream = arrow.read(body, self.contract.names, self.most)
                return self.contract.table(stream.columns()) or self.contract.rows(stream.rows())
            raise refusal(415, f"the content type must be {JSON} or {ARROW}")
        if COLUMNS.match(body):
            return self.lists(body) or self.columns(body)
        try:
            rows: list[Row] = self.decoder.decode(body).rows
        except msgspec.ValidationError:
            raise self.wrong(body) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise document.malformed(body, error) from None
        self.count(rows)
        texts = self.strings * len(rows)
        for name in self.maybe:
            texts -= sum(getattr(row, name) is None for row in rows)
        doubtful = self.ambiguous(body, len(self.contract.fields) * len(rows) + texts)
        if not self.contract.keeps(rows) or (doubtful and self.twice(body)):
            raise self.wrong(body)
        return rows

    def lists(self, body: bytes) -> Table | None:
        """Columns that are right, in one step; None where each value is to be looked at."""
        try:
            found = self.decoder_of_columns.decode(body).columns
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        held = dict(zip(self.contract.attributes, msgspec.structs.astuple(found), strict=True))
        (count, *others) = set(map(len, held.values()))
        if others or not 0 < count <= self.most:
            return None
        texts = self.strings * count - sum(held[name].count(None) for name in self.maybe)
        if self.ambiguous(body, len(held) + texts):
            return None
        return self.contract.decoded(found)

    def count(self, rows: Sequence[Any]) -> None:
        if not rows:
            raise refusal(422, "there must be one row at least")
        if len(rows) > self.most:
            raise refusal(413, f"at most {self.most} rows; send them in several requests")

    def ambiguous(self, body: bytes, texts: int) -> bool:
        """Might a name stand twice in one object? Quickly, and never wrongly no.

        Each of the names and texts that were read has two quotes, as has the outermost name; a name
        that comes again brings two more.
        """
        if len(body) < LONG:
            quotes = body.count(b'"')
        else:
            quotes = int(np.count_nonzero(np.frombuffer(body, np.uint8) == QUOTE))
        return quotes != 2 * (1 + texts)

    def twice(self, body: bytes) -> bool:
        said = document.read(body)
        return any(isinstance(one, document.Twice) for one in (said, *said["rows"]))

    def wrong(self, body: bytes) -> Refusal:
        """All that is wrong with a body of rows."""
        said = document.read(body)
        if (
            not isinstance(said, dict)
            or said.keys() != {"rows"}
            or not isinstance(said["rows"], list)
        ):
            return refusal(422, SHAPE)
        if isinstance(said, document.Twice):
            return refusal(422, "rows is given twice")
        self.count(said["rows"])
        return self.contract.refusal(said["rows"])

    def columns(self, body: bytes) -> list[Row]:
        """Rows of {"columns": {name: values}}."""
        said = document.read(body)
        found = said["columns"] if isinstance(said, dict) and said.keys() == {"columns"} else None
        if not isinstance(found, dict) or not all(
            isinstance(held, list) for held in found.values()
        ):
            raise refusal(422, SHAPE)
        if isinstance(said, document.Twice):
            raise refusal(422, "columns is given twice")
        if isinstance(found, document.Twice):
            raise Refusal(422, [Error(shown(name), "is given twice") for name in found.twice])
        if len({len(held) for held in found.values()}) > 1:
            raise refusal(422, "all columns must have the same number of values")
        self.count(next(iter(found.values()), ()))
        names = tuple(found)
        rows = [dict(zip(names, row, strict=True)) for row in zip(*found.values(), strict=True)]
        return self.parsed(rows, body)

    def invocations(self, kind: str, body: bytes) -> list[Row]:
        """The rows of a request to /invocations, in MLflow's formats.

        Raises:
            Refusal: as above.
        """
        if media_type(kind) != JSON:
            raise refusal(415, f"the content type must be {JSON}")
        if b"NaN" in body:
            body = document.without_nan(body)
        said = document.read(body)
        if not isinstance(said, dict):
            raise refusal(422, INVOCATIONS)
        known = said.keys() & {"dataframe_split", "dataframe_records"}
        if len(known) != 1 or said.keys() - known - {"params"} or isinstance(said, document.Twice):
            raise refusal(422, INVOCATIONS)
        if "dataframe_split" in said:
            rows = split(said["dataframe_split"])
        else:
            rows = said["dataframe_records"]
            if not isinstance(rows, list):
                raise refusal(422, "dataframe_records must be a list of objects")
        self.count(rows)
        return self.parsed(self.contract.whole(rows), body)

    def parsed(self, said: list[Any], body: bytes) -> list[Row]:
        """Rows of parsed JSON, which may hold what no decoded row can."""
        twice = any(isinstance(row, document.Twice) for row in said)
        if (twice or HALF.search(body)) and (errors := self.contract.errors(said)):
            raise Refusal(422, errors)
        return self.contract.rows(said)


def decoder(name: str, kind: Any) -> Any:
    """Of a body that is an object of one name."""
    asked = msgspec.defstruct("Asked", [(name, kind)], forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(asked)


def split(said: Any) -> list[dict[str, Any]]:
    """Rows of MLflow's `dataframe_split`: names once, then the values of each row."""
    if isinstance(said, document.Twice):
        raise refusal(422, f"dataframe_split: {shown(said.twice[0])} is given twice")
    try:
        asked = msgspec.convert(said, Split)
    except msgspec.ValidationError:
        raise refusal(
            422, 'dataframe_split must be {"columns": [name, …], "data": [[value, …], …]}'
        ) from None
    names = tuple(asked.columns)
    if again := {name for name in names if names.count(name) > 1}:
        raise Refusal(422, [Error(shown(name), "is given twice") for name in sorted(again)])
    if any(len(row) != len(names) for row in asked.data):
        raise refusal(422, "dataframe_split: each row of data must have a value for each column")
    return [dict(zip(names, row, strict=True)) for row in asked.data]


class Split(msgspec.Struct, forbid_unknown_fields=True):
    columns: Annotated[list[str], msgspec.Meta(max_length=10_000)]
    data: list[list[Any]]
    index: Any = None


def media_type(kind: str) -> str:
    """The media type of a Content-Type, JSON where none is said or it says nothing.

    Raises:
        Refusal: 415, it is not of UTF-8.
    """
    media, _, parameters = kind.partition(";")
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8", "us-ascii"):
            raise refusal(415, "the charset must be utf-8")
    said = media.strip().lower()
    return JSON if said in ("", FORM) else said
