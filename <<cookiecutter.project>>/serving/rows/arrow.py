"""Rows of an Arrow IPC stream: what a client with tables sends.

Read here, where Python guards the memory: a reader in C that is fed anybody's bytes may take the
whole process with it. Numbers, truths, text and times are read, plain or as a dictionary's.
https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from serving.refusal import Error, Refusal, refusal
from serving.rows import flatbuffer
from serving.rows.arrow_column import Batch, Kind, kind_of, values
from serving.rows.arrow_text import TEXTS, Text, Unread
from serving.rows.column import Column, joined, python
from serving.rows.faults import UNKNOWN, shown
from serving.rows.flatbuffer import Damaged, Table

SCHEMA, DICTIONARY, RECORDS = 1, 2, 3  # what a message may be
BEGIN = b"\xff\xff\xff\xff"  # of each message
# Schemas that are remembered, and bytes of each: a client's tables have the same one, and a
# reading takes as long as the inference of a hundred rows.
SCHEMAS, SHORT = 16, 16_384


@dataclass
class Stream:
    kinds: Sequence[Kind] = ()
    dictionaries: dict[int, list[Any]] = field(default_factory=dict)
    batches: list[list[Column]] = field(default_factory=list)
    count: int = 0  # rows
    text: Text = field(default_factory=Text)

    def columns(self) -> Mapping[str, Column]:
        """Each column, by its name."""
        return {
            kind.name: joined(parts) for kind, *parts in zip(self.kinds, *self.batches, strict=True)
        }

    def rows(self) -> list[dict[str, Any]]:
        columns = self.columns()
        values = map(python, columns.values())
        return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def read(body: bytes, names: Set[str], most: int) -> Stream:
    """A stream whose columns have these names, and one row at least; NaN is null, as it is in the
    pipeline.

    Raises:
        Refusal: 413, it has more than `most` rows; 422, it is no stream, or one of other columns.
    """
    stream = Stream()
    try:
        for kind, header, held in messages(body):
            if kind == SCHEMA and not stream.kinds:
                stream.kinds = schema(header)
                agree([one.name for one in stream.kinds], names)
            elif kind == DICTIONARY:
                learn(stream, header, held)
            elif kind == RECORDS and stream.kinds:
                batch = Batch(header, held, stream.text)
                stream.count += batch.length
                if stream.count > most:
                    raise refusal(413, f"at most {most} rows; send them in several requests")
                stream.batches.append(
                    [values(one, batch, stream.dictionaries) for one in stream.kinds]
                )
            else:
                raise Damaged
    except Damaged:
        raise refusal(422, "the body must be a whole Arrow IPC stream") from None
    except Unread as reason:
        raise Refusal(422, [Error(reason.column, reason.rule)]) from None
    if not stream.count:
        raise refusal(422, "there must be one row at least")
    return stream


def messages(body: bytes) -> Iterator[tuple[int, Table, memoryview]]:
    """Each message of a stream: its kind, its header, its buffers."""
    place, held = 0, memoryview(body)
    while place < len(body):
        if body[place : place + 4] != BEGIN:
            raise Damaged
        size = flatbuffer.unpack("<i", body, place + 4)
        place += 8
        if size == 0:
            return
        if not 0 < size <= len(body) - place:
            raise Damaged
        message = flatbuffer.root(body[place : place + size])
        place += size
        length = message.number(3, "<q")
        header = message.table(2)
        if header is None or not 0 <= length <= len(body) - place:
            raise Damaged
        yield message.number(1, "<B"), header, held[place : place + length]
        place += length


def schema(header: Table) -> Sequence[Kind]:
    """The columns that a message says follow."""
    if len(header.held) <= SHORT:
        return remembered(header.held, header.place)
    return kinds(header)


@lru_cache(SCHEMAS)
def remembered(held: bytes, place: int) -> Sequence[Kind]:
    return kinds(Table(held, place))


def kinds(header: Table) -> Sequence[Kind]:
    return tuple(kind_of(table) for table in header.tables(1))


def learn(stream: Stream, header: Table, held: memoryview) -> None:
    """Keep the values that a dictionary's numbers stand for."""
    number, data = header.number(0, "<q"), header.table(1)
    kind = next((one for one in stream.kinds if one.dictionary == number), None)
    if kind is None or data is None or header.number(2, "<B"):  # one that grows is not read
        raise Damaged
    batch = Batch(data, held, stream.text)
    if kind.type not in TEXTS or batch.length > len(held):  # each text has some bytes there
        raise Damaged
    stream.dictionaries[number] = python(values(kind.plain(), batch, {}))


def agree(found: Sequence[str], names: Set[str]) -> None:
    """Stop at columns that are not those of the contract, before any is read."""
    unknown = [name for name in dict.fromkeys(found) if name not in names]
    errors = [Error(shown(name), "is not in the contract") for name in unknown[:UNKNOWN]]
    errors += [Error(name, "is missing") for name in sorted(names - set(found))]
    if not errors and len(set(found)) < len(found):
        errors = [Error(name, "is given twice") for name in sorted(names) if found.count(name) > 1]
    if errors:
        raise Refusal(422, errors)
