"""Requests as nobody should send them: rows that are real, and then changed in one way or another.

Each function of MUTATIONS makes one body from a source of real rows; its name stands in reports.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from tests.serving.samples import Row

Mutation = Callable[["Source"], bytes]
MUTATIONS: dict[str, Mutation] = {}
DEEP = (2, 100, 1000, 10_000, 100_000)  # levels: stacks end somewhere between
# As they stand in a body: JSON or not.
WORDS = r"""
NaN -NaN Infinity -Infinity inf 1e400 -1e400 1E+999 1e-400 0e0 -0 -0.0 00 01 -01 +1 1. .5 1e 1e+
0x10 1_000 1e3 12E0 1.0 2.5e0 9007199254740993 9223372036854775808 18446744073709551616 1e308
1.7976931348623157e308 1.7976931348623159e308 4.9e-324 2e-324 0.1e1 True None undefined nul tru
fals nulll truefalse 'x' x // /**/1 1/**/ ,1 1, 1;1 [] {} [1] {"a":1} "\ud800" "\udc00\ud800"
"\ud83d\ude00" "\u0000" "\x41" "\u00" "\" "\/" "\u0045WR" "EWR" "EWR\u0000" "EWR\n" "A\u0300BC"
"""
LITERALS = [*WORDS.split(), '"a\nb"', '"\t"', '"\x7f"', '"\u2028"', '"EWR\n"', '""', '" EWR"']
DIGITS = (15, 17, 19, 20, 39, 308, 309, 310, 400, 4300, 5000, 100_000)
ENCODINGS = (
    "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-7", "utf-8-sig", "cp037",
)  # fmt: skip
# No UTF-8: alone, too long, too large, half of a pair, ended too soon.
BROKEN = (
    b"\xff", b"\xc3", b"\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xe9",
    b"\xf8\x88\x80\x80", b"\xf4\x90\x80\x80", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xe2\x82",
    b"\xed\xa0\xbd\xed\xb8\x80",
)  # fmt: skip
NAMES = (
    "", " ", "é", "late", "__proto__", "__class__", "id ", "ID", "\u0000", "$", "a" * 300, "rows",
    "\U0001f6eb", "self", "0", "\ud800",
)  # fmt: skip
SPACES = ("", " ", "\n", "\t", "\r\n", " " * 1000, "\x0b", "\x0c", "\xa0", "\u3000", "\ufeff", "\0")


class Source:
    """Real rows, each with a key that no other has, and chance."""

    def __init__(self, rows: Sequence[Row], odd: Mapping[str, Sequence[Any]], mark: str, seed: int):
        self.known, self.odd, self.mark = rows, odd, mark
        self.random = Random(seed)  # noqa: S311  nothing is kept secret by it
        self.count = 0

    def row(self) -> Row:
        self.count += 1
        return self.random.choice(self.known) | {"id": f"{self.mark}{self.count}"}

    def rows(self, most: int = 30) -> list[Row]:
        return [self.row() for _ in range(self.random.randint(1, most))]

    def name(self) -> str:
        return self.random.choice(list(self.known[0]))

    def value(self, name: str) -> Any:
        """One that a client might send for a field: near its bounds, or of another kind."""
        return self.random.choice(self.odd[name])


def mutation(function: Mutation) -> Mutation:
    MUTATIONS[function.__name__] = function
    return function


def body(*rows: Any) -> bytes:
    return json.dumps({"rows": rows}).encode()


def placed(row: Row, name: str, literal: str) -> bytes:
    """A body in which these characters stand for a value."""
    return body(row | {name: "@"}).replace(b'"@"', literal.encode(errors="surrogatepass"))


@mutation
def unchanged(source: Source) -> bytes:
    return body(*source.rows(3))


@mutation
def value(source: Source) -> bytes:
    name = source.name()
    return body(source.row() | {name: source.value(name)})


@mutation
def values(source: Source) -> bytes:
    names = {source.name() for _ in range(source.random.randint(2, 8))}
    return body(source.row() | {name: source.value(name) for name in names})


@mutation
def among_others(source: Source) -> bytes:
    rows, name = source.rows(), source.name()
    source.random.choice(rows)[name] = source.value(name)
    return body(*rows)


@mutation
def literal(source: Source) -> bytes:
    return placed(source.row(), source.name(), source.random.choice(LITERALS))


@mutation
def digits(source: Source) -> bytes:
    number = source.random.choice("0123456789") * source.random.choice(DIGITS)
    form = source.random.choice(("{}", "-{}", "0.{}", "1{}", "1.{}e3", "1e{}", "{}e-300"))
    return placed(source.row(), source.name(), form.format(number))


@mutation
def nested(source: Source) -> bytes:
    deep = source.random.choice(DEEP)
    opened, closed = source.random.choice((("[", "]"), ('{"a":', "}"), ('[{"":', "}]")))
    half = source.random.choice((1, 1, 0))  # whether it ends
    return placed(source.row(), source.name(), opened * deep + "1" + closed * (deep * half))


@mutation
def nested_whole(source: Source) -> bytes:
    deep = source.random.choice(DEEP)
    opened, closed = source.random.choice(
        ((b"[", b"]"), (b'{"rows":', b"}"), (b'{"rows":[', b"]}"))
    )
    return opened * deep + body(source.row()) + closed * deep


@mutation
def missing(source: Source) -> bytes:
    row = source.row()
    for _ in range(source.random.randint(1, 4)):
        row.pop(source.name(), None)
    return body(row)


@mutation
def extra(source: Source) -> bytes:
    names = source.random.sample(NAMES, source.random.randint(1, 3))
    return body(source.row() | dict.fromkeys(names, source.value(source.name())))


@mutation
def renamed(source: Source) -> bytes:
    row, name = source.row(), source.name()
    held = row.pop(name)
    return body(row | {source.random.choice((name.upper(), f"{name} ", f"{name}\0", "x")): held})


@mutation
def escaped_name(source: Source) -> bytes:
    name = source.name()
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in name)
    return body(source.row()).replace(f'"{name}"'.encode(), f'"{escaped}"'.encode())


@mutation
def name_twice(source: Source) -> bytes:
    row, name = source.row(), source.name()
    again = source.random.choice((row[name], source.value(name), None))
    said = name if source.random.random() < 0.5 else f"\\u{ord(name[0]):04x}{name[1:]}"
    return body(row).replace(b"}]", f', "{said}": {json.dumps(again)}}}]'.encode())


@mutation
def rows_twice(source: Source) -> bytes:
    other = source.random.choice(("[]", "null", json.dumps([source.row()])))
    return body(source.row())[:-1] + f', "rows": {other}}}'.encode()


@mutation
def row_twice(source: Source) -> bytes:
    rows = source.rows(5)
    return body(*rows, source.random.choice(rows))


@mutation
def no_row(source: Source) -> bytes:
    one = source.random.choice((None, [], "row", 1, True, [source.row()], {}, {"": None}))
    return body(source.row(), one) if source.random.random() < 0.5 else body(one)


@mutation
def shape(source: Source) -> bytes:
    row = source.row()
    columns = {name: [held] for name, held in row.items()}
    return json.dumps(
        source.random.choice(
            [row, [row], {"rows": row}, {"row": [row]}, {"rows": [row], "more": 1}, {"rows": []},
             {}, [], None, 0, "", {"rows": None}, {"rows": "x"}, {"Rows": [row]}, {"columns": {}},
             {"columns": []}, {"rows": [row], "columns": columns}, {"columns": {"id": []}},
             {"columns": columns | {"id": ["a", "b"]}}, {"columns": columns | {"id": "a"}},
             {"dataframe_records": [row]}, {"inputs": [row]}, {"instances": [row]}]
        )
    ).encode()  # fmt: skip


@mutation
def columns(source: Source) -> bytes:
    rows, name = source.rows(), source.name()
    source.random.choice(rows)[name] = source.value(name)
    return json.dumps({"columns": {name: [row[name] for row in rows] for name in rows[0]}}).encode()


@mutation
def many(source: Source) -> bytes:
    """Of few bytes or many, and more rows than one request may have."""
    count = source.random.choice((1000, 2000, 10_001, 100_000))
    one = source.random.choice(("{}", "null", "1", json.dumps(source.row())))
    return f'{{"rows": [{", ".join([one] * count)}]}}'.encode()[: 2 * 1024**2]


@mutation
def large(source: Source) -> bytes:
    """10 MB, of one kind of thing."""
    one = source.random.choice((b" ", b"[", b'"', b"1", b"{", b"\0", b'{"rows":[', b"a"))
    return (body(source.row())[:-2] + one * (10_000_000 // len(one)))[:10_000_000]


@mutation
def spaced(source: Source) -> bytes:
    said = json.dumps({"rows": [source.row()]})
    place = source.random.choice([n for n, one in enumerate(said) if one in "{}[]:,"])
    return (said[:place] + source.random.choice(SPACES) + said[place:]).encode()


@mutation
def followed(source: Source) -> bytes:
    more = (b"x", b"{}", b",", b"\0", b"]", b"}", b'"', b" 1", b"//", b"\n\n", b"\xff", b"\x1a")
    return body(source.row()) + source.random.choice(more)


@mutation
def encoded(source: Source) -> bytes:
    text = json.dumps({"rows": [source.row() | {"id": f"{source.mark}é"}]}, ensure_ascii=False)
    return text.encode(source.random.choice((*ENCODINGS, "latin-1", "cp1252")))


@mutation
def broken_text(source: Source) -> bytes:
    broken = source.random.choice(BROKEN)
    name = source.random.choice(("id", "destination", source.name()))
    return body(source.row() | {name: "a@b"}).replace(b"@", broken)


@mutation
def bits(source: Source) -> bytes:
    said = bytearray(body(*source.rows(2)))
    for _ in range(source.random.choice((1, 1, 2, 8))):
        said[source.random.randrange(len(said))] ^= 2 ** source.random.randrange(8)
    return bytes(said)


@mutation
def cut(source: Source) -> bytes:
    said = body(*source.rows(2))
    return said[: source.random.randrange(len(said))]


@mutation
def spliced(source: Source) -> bytes:
    one, other = body(source.row()), body(source.row())
    return one[: source.random.randrange(len(one))] + other[source.random.randrange(len(other)) :]


@mutation
def less(source: Source) -> bytes:
    said = bytearray(body(source.row()))
    start = source.random.randrange(len(said))
    del said[start : start + source.random.choice((1, 1, 2, 5, 20))]
    return bytes(said)


@mutation
def more(source: Source) -> bytes:
    said = body(source.row())
    place = source.random.randrange(len(said))
    count = source.random.choice((1, 1, 2, 8))
    letters = source.random.choice((b'{}[]:,"0e.-\\ ', bytes(range(256))))
    added = bytes(source.random.choice(letters) for _ in range(count))
    return said[:place] + added + said[place:]
