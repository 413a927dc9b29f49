"""However the bytes come, slowly, in pieces, too many or not all, what is whole is answered.

FUZZ=100000 pytest -rP tests/serving/test_wire.py     # each trouble a hundredth as often; SEED=n
"""

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

import polars as pl
import pytest

from tests.serving.mutations import MUTATIONS, Source, body
from tests.serving.running import Running, running, source  # noqa: F401
from tests.serving.wire import Wire, chunked, post

COUNT = int(os.environ.get("FUZZ") or 3000) // 100  # of each kind of trouble
SEED = int(os.environ.get("SEED") or time.time())
SMALL = [name for name in MUTATIONS if name not in ("large", "many", "nested", "nested_whole")]
CLIENTS = 50  # at one time
MORE_MB = 32  # megabytes that the service may hold more after all of this, as in test_fuzz.py
RESET = struct.pack("ii", 1, 0)  # to close a connection without a word


@pytest.fixture(scope="module")
def rows(raw: pl.DataFrame) -> Source:
    print(f"SEED={SEED}")
    return source(raw, SEED)


@pytest.fixture(autouse=True)
def unharmed(running: Running, rows: Source) -> Iterator[None]:  # noqa: F811
    """It lives, has met no fault, tells nothing, and has grown no more than a little."""
    before = running.resident()
    yield
    assert status(running, post("/predict", body(rows.row()))) == 200
    assert running.silent()
    assert running.resident() - before < MORE_MB


def status(running: Running, question: bytes) -> int | None:  # noqa: F811
    """Of the answer to it; None where there is none."""
    with Wire(running.url) as wire:
        wire.send(question)
        reply = wire.reply()
        return reply.status if reply else None


def some(rows: Source) -> bytes:
    return MUTATIONS[rows.random.choice(SMALL)](rows)


def pieces(rows: Source, said: bytes, most: int) -> list[bytes]:
    """It, cut in up to so many."""
    count = min(rows.random.randint(1, most), len(said) + 1) - 1
    places = sorted(rows.random.sample(range(len(said)), count))
    return [said[a:b] for a, b in zip([0, *places], [*places, len(said)], strict=True) if a < b]


def test_what_comes_in_chunks_is_read_as_what_comes_whole(running: Running, rows: Source) -> None:  # noqa: F811
    for _ in range(COUNT):
        said = some(rows)
        whole, parts = post("/predict", said), chunked("/predict", pieces(rows, said, 20))
        assert status(running, whole) == status(running, parts), said


@pytest.mark.parametrize(
    "wrong",
    [
        b"zz\r\nabc\r\n", b"-1\r\n", b"\r\n", b"0x5\r\nabcde\r\n", b"5\nabcde\n", b"5 \r\nabcd",
        b"5\r\nabcdefgh", b"F" * 16 + b"\r\n", b"F" * 17 + b"\r\n", b"5;" + b"a" * 100_000,
        b"1\r\n{\r\n" + b"9" * 1000,
    ],
)  # fmt: skip
def test_chunks_that_are_none_are_not_answered(running: Running, wrong: bytes) -> None:  # noqa: F811
    head = chunked("/predict", []).removesuffix(b"0\r\n\r\n")
    with Wire(running.url) as wire:
        wire.send(head + wrong)
        wire.connection.shutdown(socket.SHUT_WR)
        reply = wire.reply()
        assert reply is None or reply.status in (400, 408, 413)


def test_ten_megabytes_are_turned_away_however_they_come(running: Running, rows: Source) -> None:  # noqa: F811
    before = running.resident()
    for _ in range(max(3, COUNT // 10)):
        said = MUTATIONS["large"](rows)
        parts = [said[start : start + 100_000] for start in range(0, len(said), 100_000)]
        assert status(running, post("/predict", said)) == 413
        assert status(running, chunked("/predict", parts)) == 413
    assert running.resident() - before < MORE_MB


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (b"-1", 400), (b"x", 400), (b"1.0", 400), (b"+5", 400), (b"1_0", 400), (b"0x10", 400),
        (b"%d" % 2**63, 413), (b"%d" % 2**64, 400), (b"9" * 400, 400), (b"10000000", 413),
        (b"0", 400), (b"1", 400),
    ],
)  # fmt: skip
def test_lengths_that_lie_are_found_out(
    running: Running,  # noqa: F811
    rows: Source,
    length: bytes,
    expected: int,
) -> None:
    said = post("/predict", body(rows.row()))
    right = b"content-length: %d" % len(body(rows.known[0]))
    start = said.index(b"content-length: ")
    end = said.index(b"\r\n", start)
    assert right.split(b":")[0] == said[start:end].split(b":")[0]

    assert status(running, said[:start] + b"content-length: " + length + said[end:]) == expected


@pytest.mark.parametrize("more", [b"content-length: 5", b"transfer-encoding: chunked"])
def test_two_lengths_are_none(running: Running, rows: Source, more: bytes) -> None:  # noqa: F811
    assert status(running, post("/predict", body(rows.row()), b"application/json", more)) == 400


def test_questions_at_once_are_answered_in_turn(running: Running, rows: Source) -> None:  # noqa: F811
    for turn in range(COUNT):
        bodies = [some(rows) for _ in range(rows.random.randint(2, 30))]
        names = [b"x-request-id: n-%d-%d" % (turn, place) for place in range(len(bodies))]
        asked = [
            post("/predict", said, b"application/json", name)
            for said, name in zip(bodies, names, strict=True)
        ]
        with Wire(running.url) as wire:
            for part in pieces(rows, b"".join(asked), 5):
                wire.send(part)
            for one, name in zip(asked, names, strict=True):
                reply = wire.reply()
                assert reply
                assert b"x-request-id: " + reply.headers[b"x-request-id"] == name
                assert reply.status == status(running, one)


def test_slow_clients_are_answered_or_parted_from(running: Running, rows: Source) -> None:  # noqa: F811
    """Byte by byte: those that end in time are answered, the others told; nobody waits for them."""
    for _ in range(max(1, COUNT // 200)):
        quick, late = ([Wire(running.url) for _ in range(CLIENTS)] for _ in range(2))
        said = post("/predict", body(rows.row()))
        for place in range(0, len(said), 10):
            for wire in quick:
                wire.send(said[place : place + 10])
            for wire in late:
                wire.send(said[place // 10 : place // 10 + 1])
        assert status(running, post("/predict", body(rows.row()))) == 200
        for wire, expected in (
            (wire, code) for some, code in ((quick, 200), (late, 408)) for wire in some
        ):
            reply = wire.reply()
            assert reply
            assert reply.status == expected
            wire.close()


def test_who_leaves_in_the_middle_is_no_fault(running: Running, rows: Source) -> None:  # noqa: F811
    """At any byte, politely, rudely, or by half; then nothing but a right answer comes."""
    for _ in range(COUNT):
        said = post("/predict", body(rows.row()))
        cut = rows.random.choice((len(said), rows.random.randrange(len(said))))
        with Wire(running.url) as wire:
            wire.send(said[:cut])
            way = rows.random.choice(("half", "close", "reset"))
            if way == "half":
                wire.connection.shutdown(socket.SHUT_WR)
                reply = wire.reply()
                assert reply is None or (cut == len(said) and reply.status == 200)
            elif way == "reset":
                wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (b"", 200), (b"APPLICATION/JSON", 200), (b"application/json;charset=UTF-8", 200),
        (b'application/json; charset="utf-8"', 200), (b"application/json; x=y", 200),
        (b"application/json; charset=utf-16", 415), (b"application/jsonx", 415),
        (b"application/json, text/plain", 415), (b"text/json", 415), (b"*/*", 415),
        (b"multipart/form-data; boundary=x", 415),
        (b"text/csv", 415), (b"application/octet-stream", 415), (b"\xff\xfe", 415),
        (b"a" * 9999, 415),
        (b"application/vnd.apache.arrow.stream", 422),
    ],
)  # fmt: skip
def test_the_content_type_decides(
    running: Running,  # noqa: F811
    rows: Source,
    kind: bytes,
    expected: int,
) -> None:
    assert status(running, post("/predict", body(rows.row()), kind)) == expected


@pytest.mark.parametrize(
    "question",
    [
        b"\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"\xff" * 1000, b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost x\r\n\r\n", b"GET / HTTP/1.1\r\na\0: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\n y\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nhost: x\r\nexpect: 200-maybe\r\ncontent-length: 0\r\n\r\n",
        b"FOO /predict HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /%00%ff%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /static/../../x HTTP/1.1\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /predict?" + b"&=" * 9999 + b" HTTP/1.1\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_question_of_ours_is_no_fault(running: Running, question: bytes) -> None:  # noqa: F811
    with Wire(running.url) as wire:
        wire.send(question)
        wire.connection.shutdown(socket.SHUT_WR)
        reply = wire.reply()
        assert reply is None or reply.status < 500


ASK = b"POST /predict HTTP/1.1\r\nhost: x\r\n"
BEHIND = chunked("/predict", [b"{}"]).removesuffix(b"\r\n")  # its end, where more lines may come
LINE = b"a: " + b"x" * 1000 + b"\r\n"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /", b"a" * 1000), (ASK, LINE), (ASK, b"a" * 1000), (ASK + b"a: ", b"a" * 1000),
        (BEHIND, LINE), (BEHIND + b"a: ", b"a" * 1000), (BEHIND[:-3] + b"1;", b"a" * 1000),
    ],
)  # fmt: skip
def test_a_head_without_an_end_is_not_held(running: Running, start: bytes, more: bytes) -> None:  # noqa: F811
    """Neither before a body nor behind it; a kernel takes some megabytes that nobody reads."""
    sent, most = 0, 100_000_000
    with Wire(running.url) as wire, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        wire.connection.sendall(start)
        while sent < most:
            sent += wire.connection.send(more * 100)
    assert sent < most


@pytest.mark.parametrize(("length", "expected"), [(60_000, {400}), (600_000, {431, None})])
def test_a_head_has_a_limit(running: Running, length: int, expected: set[int | None]) -> None:  # noqa: F811
    assert status(running, ASK + b"a: " + b"x" * length + b"\r\n\r\n") in expected
