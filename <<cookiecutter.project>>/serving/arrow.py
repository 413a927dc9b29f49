"""Rows of an Arrow IPC stream: what a client with tables sends.

Read here, where Python guards the memory: a reader in C that is fed anybody's bytes may take the
whole process with it. Numbers, truths, text and times are read, plain or as a dictionary's.
https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from serving import flatbuffer
from serving.arrow_column import TEXTS, Batch, Kind, Text, Unread, kind_of, values
from serving.faults import UNKNOWN, shown
from serving.flatbuffer import Damaged, Table
from serving.refusal import Error, Refusal, refusal

SCHEMA, DICTIONARY, RECORDS = 1, 2, 3  # what a message may be
BEGIN = b"\xff\xff\xff\xff"  # of each message


@dataclass
class Stream:
    names: Sequence[str] = ()
    kinds: Sequence[Kind] = ()
    dictionaries: dict[int, list[Any]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    text: Text = field(default_factory=Text)


def read(body: bytes, names: Set[str], most: int) -> list[dict[str, Any]]:
    """The rows of a stream whose columns have these names; NaN is null, as in the pipeline.

    Raises:
        Refusal: 413, it has more than `most` rows; 422, it is no stream, or one of other columns.
    """
    stream = Stream()
    try:
        for kind, header, held in messages(body):
            if kind == SCHEMA and not stream.kinds:
                stream.kinds = [kind_of(table) for table in header.tables(1)]
                stream.names = [one.name for one in stream.kinds]
                agree(stream.names, names)
            elif kind == DICTIONARY:
                learn(stream, header, held)
            elif kind == RECORDS and stream.kinds:
                batch = Batch(header, held, stream.text)
                if len(stream.rows) + batch.length > most:
                    raise refusal(413, f"at most {most} rows; send them in several requests")
                columns = [values(one, batch, stream.dictionaries) for one in stream.kinds]
                stream.rows += [
                    dict(zip(stream.names, row, strict=True)) for row in zip(*columns, strict=True)
                ]
            else:
                raise Damaged
    except Damaged:
        raise refusal(422, "the body must be a whole Arrow IPC stream") from None
    except Unread as reason:
        raise Refusal(422, [Error(reason.column, reason.rule)]) from None
    if not stream.rows:
        raise refusal(422, "there must be one row at least")
    return stream.rows


def messages(body: bytes) -> Iterator[tuple[int, Table, bytes]]:
    """Each message of a stream: its kind, its header, its buffers."""
    place = 0
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
        yield message.number(1, "<B"), header, body[place : place + length]
        place += length


def learn(stream: Stream, header: Table, held: bytes) -> None:
    """Keep the values that a dictionary's numbers stand for."""
    number, data = header.number(0, "<q"), header.table(1)
    kind = next((one for one in stream.kinds if one.dictionary == number), None)
    if kind is None or data is None or header.number(2, "<B"):  # one that grows is not read
        raise Damaged
    batch = Batch(data, held, stream.text)
    if kind.type not in TEXTS or batch.length > len(held):  # each text has some bytes there
        raise Damaged
    stream.dictionaries[number] = values(kind.plain(), batch, {})


def agree(found: Sequence[str], names: Set[str]) -> None:
    """Stop at columns that are not those of the contract, before any is read."""
    unknown = [name for name in dict.fromkeys(found) if name not in names]
    errors = [Error(shown(name), "is not in the contract") for name in unknown[:UNKNOWN]]
    errors += [Error(name, "is missing") for name in sorted(names - set(found))]
    if not errors and len(set(found)) < len(found):
        errors = [Error(name, "is given twice") for name in sorted(names) if found.count(name) > 1]
    if errors:
        raise Refusal(422, errors)
