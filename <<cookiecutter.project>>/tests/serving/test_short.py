"""A right question is answered as the long way answers it; any other is left to that."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline import files
from serving.batch import PIECE
from serving.posts import Posts
from serving.short import SMALL
from tests.serving import bundles
from tests.serving.shorts import Short, reply, short_of
from tests.serving.wire import chunked, post


@pytest.fixture
def short(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Short:
    return short_of(bundle, monkeypatch)


def plain(headers: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {name: value for name, value in headers.items() if name != b"date"}


def test_both_ways_give_one_answer(short: Short) -> None:
    named = b"x-request-id: mine"

    async def told() -> Any:
        one = await short.ask(post("/predict", short.body, b"application/json", named))
        assert short.long == 0
        other = await short.ask(chunked("/predict", [short.body], named))
        assert short.long == 1
        return one, other

    (status, headers, said), (same, others, again) = short.story(told)
    assert (status, plain(headers)) == (same, plain(others))
    assert status == 200
    assert len({*said.pop("ids"), *again.pop("ids")}) == 2
    assert said == again
    assert said["model"] == bundles.digest(Path(files.ONNX))
    assert short.app.service.metrics.requests == {("/predict", 200): 2}


def test_what_is_out_of_the_ordinary_goes_the_long_way(short: Short) -> None:
    right = post("/predict", short.body)
    asked = {
        b"in pieces": (200, chunked("/predict", [short.body])),
        b"old": (200, right.replace(b"HTTP/1.1", b"HTTP/1.0")),
        b"with more": (200, post("/predict?a=b", short.body)),
        b"large and wrong": (422, post("/predict", b'{"rows": [{}]}' + b" " * SMALL)),
        b"too large": (413, post("/predict", short.body + b" " * 2**21)),
        b"wrong": (422, post("/predict", short.body.replace(b'"month"', b'"moth"'))),
        b"no JSON": (400, post("/predict", b"{")),
        b"of a kind": (415, post("/predict", short.body, b"text/csv")),
        b"elsewhere": (200, post("/invocations", b'{"dataframe_records": [%b]}' % row(short))),
    }

    async def told() -> None:
        for number, (name, (status, question)) in enumerate(asked.items(), 1):
            assert (await short.ask(question))[0] == status, name
            assert short.long == number, name

    short.story(told)
    assert short.app.posts.under_way == 0


def row(short: Short) -> bytes:
    return json.dumps(short.row).encode()


def test_who_must_wait_before_sending_is_told_to_send(short: Short) -> None:
    async def told() -> None:
        reader, writer = await short.connect()
        question = post("/predict", b"x" * len(short.body), b"application/json")
        head = question.partition(b"\r\n\r\n")[0] + b"\r\nexpect: 100-continue\r\n\r\n"
        writer.write(head)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(short.body)
        assert (await reply(reader))[0] == 200
        writer.close()

    short.story(told)
    assert short.long == 1


def test_limits_and_keys_hold_here_too(short: Short, monkeypatch: pytest.MonkeyPatch) -> None:
    question = post("/predict", short.body)

    async def told() -> None:
        short.app.posts.under_way = short.app.service.limits.concurrent
        assert (await short.ask(question))[0] == 429
        short.app.posts.under_way = 0
        short.app.service.batcher.waiting = 10**6
        assert (await short.ask(question))[0] == 503
        short.app.service.batcher.waiting = 0
        monkeypatch.setattr(Posts, "allowed", lambda *_: False)
        assert (await short.ask(question))[0] == 401

    short.story(told)


def test_large_requests_of_one_connection_are_answered_at_once(short: Short) -> None:
    """Of more rows than one inference takes too, whose answers come later."""
    rows = [short.row | {"id": f"n-{number}"} for number in range(PIECE + 1)]
    many = json.dumps({"rows": rows}).encode()

    async def told() -> None:
        reader, writer = await short.connect()
        for body, count in ((short.body + b" " * SMALL, 1), (many, len(rows)), (short.body, 1)):
            writer.write(post("/predict", body))
            status, _, said = await reply(reader)
            assert (status, len(said["predictions"]), len(set(said["ids"]))) == (200, count, count)
            assert len(set(said["predictions"])) == 1
        writer.close()

    short.story(told)
    assert short.long == 0
    assert short.app.posts.under_way == 0


def test_a_large_request_has_its_place_before_its_body(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all who may connect might send one at a time; who gets no place is read no further."""
    posts = short.app.posts
    question = post("/predict", short.body + b" " * SMALL)
    head = question.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    async def until(count: int) -> None:
        while posts.under_way != count:
            await asyncio.sleep(0)

    async def told() -> None:
        writers = []
        for count in (1, 2):
            _, writer = await short.connect()
            writer.write(question[: -count * 10])
            writers.append(writer)
            await until(count)
        monkeypatch.setattr(Posts, "full", True)
        reader, writer = await short.connect()
        writer.write(head)
        assert (await reply(reader))[0] == 429
        monkeypatch.undo()
        monkeypatch.setattr(Posts, "allowed", lambda *_: False)
        reader, writer = await short.connect()
        writer.write(head)
        assert (await reply(reader))[0] == 401
        for writer in writers:
            writer.transport.abort()
        await until(0)

    short.story(told)


def test_what_was_answered_is_held_no_longer(short: Short) -> None:
    async def told() -> None:
        reader, writer = await short.connect()
        writer.write(post("/predict", short.body + b" " * SMALL))
        await reply(reader)
        connections: set[Any] = short.server.server_state.connections
        (asked,) = (one.cycle for one in connections)
        assert len(asked.rows) == len(asked.body) == 0
        writer.close()

    short.story(told)


def test_a_fault_of_the_model_is_that_of_its_request(short: Short) -> None:
    batcher = short.app.service.batcher
    columns = batcher.columns
    broken = json.loads(row(short)) | {"id": "broken"}

    def fail(rows: Any) -> Any:
        if any(one.id == "broken" for one in rows):
            raise ZeroDivisionError("XSECRETX")
        return columns(rows)

    batcher.columns = fail

    async def told() -> None:
        bodies = [short.body, json.dumps({"rows": [broken]}).encode(), short.body]
        found = await asyncio.gather(*(short.ask(post("/predict", one)) for one in bodies))
        assert [status for status, _, _ in found] == [200, 500, 200]
        assert "XSECRETX" not in str(found)

    short.story(told)
    assert short.long == 0
    assert short.app.posts.under_way == 0


def test_what_can_not_be_kept_is_not_said(short: Short, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(count: int) -> list[str]:
        raise ZeroDivisionError("XSECRETX" * count)

    monkeypatch.setattr(short.app.service.log, "take", fail)

    async def told() -> None:
        question = post("/predict", short.body)
        found = await asyncio.gather(*(short.ask(question) for _ in range(3)))
        assert [status for status, _, _ in found] == [500] * 3
        assert "XSECRETX" not in str(found)

    short.story(told)
    assert short.long == 0
    assert short.app.posts.under_way == 0


def test_what_is_answered_at_once_is_kept_at_once(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each with its own: name, answer, row, id."""
    log = short.app.service.log
    kept: dict[str, tuple[str, Any, Any]] = {}

    def append(_: float, ids_from: str, answered: Any) -> None:
        assert len(answered) == 20
        for place, (name, took, (answer,), (row,)) in enumerate(answered, int(ids_from[-12:])):
            assert took > 0
            kept[name] = (f"{ids_from[:-12]}{place}", answer, row.id)

    monkeypatch.setattr(type(log), "keeps", True)
    monkeypatch.setattr(log, "append", append)

    async def told() -> None:
        names = [f"n-{number}" for number in range(20)]
        questions = []
        for name in names:
            row = short.row | {"id": name}
            body = json.dumps({"rows": [row]}).encode()
            line = b"x-request-id: " + name.encode()
            questions.append(post("/predict", body, b"application/json", line))
        batcher = short.app.service.batcher
        batcher.planned = True  # until all are there
        asked = asyncio.gather(*map(short.ask, questions))
        while batcher.waiting < len(names):
            await asyncio.sleep(0)
        batcher.tick()
        found = await asked
        for name, (status, headers, said) in zip(names, found, strict=True):
            assert (status, headers[b"x-request-id"]) == (200, name.encode())
            assert kept[name] == (said["ids"][0], said["predictions"][0], name)

    short.story(told)
    assert short.long == 0
    assert len(kept) == 20


def test_who_leaves_holds_no_place(short: Short) -> None:
    async def told() -> None:
        for part in (short.body, short.body[:9]):
            _, writer = await short.connect()
            writer.write(post("/predict", short.body)[: -len(short.body)] + part)
            await writer.drain()
            writer.transport.abort()
        assert (await short.ask(post("/predict", short.body)))[0] == 200

    short.story(told)
    assert short.app.posts.under_way == 0


def test_questions_at_once_are_answered_in_turn_on_either_way(short: Short) -> None:
    async def told() -> None:
        reader, writer = await short.connect()
        names = [b"n-%d" % number for number in range(9)]
        for number, name in enumerate(names):
            line = b"x-request-id: " + name
            whole = post("/predict", short.body, b"application/json", line)
            writer.write(chunked("/predict", [short.body], line) if number % 2 else whole)
        for name in names:
            status, headers, _ = await reply(reader)
            assert (status, headers[b"x-request-id"]) == (200, name)
        writer.close()

    short.story(told)


def test_a_request_is_answered_though_the_service_ends(short: Short) -> None:
    async def told() -> None:
        reader, writer = await short.connect()
        question = post("/predict", short.body)
        writer.write(question[:-5])
        await writer.drain()
        connections: set[Any] = short.server.server_state.connections
        while not any(one.cycle for one in connections):
            await asyncio.sleep(0)
        short.server.drain()
        writer.write(question[-5:])
        status, headers, _ = await reply(reader)
        assert (status, headers[b"connection"]) == (200, b"close")
        assert await reader.read() == b""

    short.story(told)
