"""A question to a service ends with its answer, or with one clear error."""

import socket
import threading

import pytest

from gitops.client import Silent, ask
from gitops.settings import Refused
from tests.gitops.servers import answering
from tests.serving.bundles import free_port

SECONDS = 10


def test_json_comes_back_for_json() -> None:
    with answering(lambda path, body: (200, b'{"path": "%s"}' % path.encode())) as url:
        assert ask(url, "/a?b", seconds=SECONDS) == {"path": "/a?b"}
    with answering(lambda path, body: (200, str(len(body)).encode())) as url:
        assert ask(url, "/", {"one": 1, "two": 2}, seconds=SECONDS) == 2


def test_the_proxies_of_the_environment_are_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with answering(lambda path, body: (200, b"1")) as url:
        assert ask(url, "/", seconds=SECONDS) == 1


def test_an_error_is_quoted_in_part() -> None:
    with (
        answering(lambda path, body: (422, b"because" + b"x" * 10_000)) as url,
        pytest.raises(Refused, match=f"^{url}/predict: answers 422: because") as caught,
    ):
        ask(url, "/predict", seconds=SECONDS)
    assert len(str(caught.value)) < 1000


def test_an_answer_that_is_no_json_is_refused() -> None:
    with (
        answering(lambda path, body: (200, b"<html>")) as url,
        pytest.raises(Refused, match="its answer is not JSON"),
    ):
        ask(url, "/", seconds=SECONDS)


def test_nobody_there_is_silence() -> None:
    with pytest.raises(Silent, match=r"no answer .*refused"):
        ask(f"http://127.0.0.1:{free_port()}", "/", seconds=SECONDS)


def test_one_who_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(Silent, match="timed out"):
            ask(url, "/", seconds=0.1)


def test_one_who_speaks_another_language_is_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"http://127.0.0.1:{other.getsockname()[1]}"

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Silent, match="220 mail"):
            ask(url, "/", seconds=SECONDS)
        thread.join()
