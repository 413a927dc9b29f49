"""A question to a service ends with its answer, or with one clear error."""

import socket
import threading

import pytest

from gitops.settings import Refused
from gitops.targets.client import Silent, ask
from tests.gitops.server import Answer, serve
from tests.serving.bundles import free_port

SECONDS = 10


def test_json_comes_back_for_json() -> None:
    with serve(Answer(body={"one": 1}), Answer(body=2)) as server:
        assert ask(server.url, "/a?b=c", seconds=SECONDS) == {"one": 1}
        assert ask(server.url, "/d", {"sent": True}, seconds=SECONDS) == 2

    assert server.lines == ["GET /a", "POST /d"]
    assert server.asked[0].query == {"b": "c"}
    assert server.asked[1].body == {"sent": True}


def test_the_proxies_of_the_environment_are_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with serve(Answer(body=1)) as server:
        assert ask(server.url, "/", seconds=SECONDS) == 1


def test_an_error_is_quoted_in_part() -> None:
    with (
        serve(Answer(422, "because" + "x" * 10_000)) as server,
        pytest.raises(Refused, match=f"^{server.url}/predict: answers 422: because") as caught,
    ):
        ask(server.url, "/predict", seconds=SECONDS)
    assert len(str(caught.value)) < 1000


def test_an_answer_that_is_no_json_is_refused() -> None:
    with (
        serve(Answer(body="<html>")) as server,
        pytest.raises(Refused, match="its answer is not JSON"),
    ):
        ask(server.url, "/", seconds=SECONDS)


def test_nobody_there_is_silence() -> None:
    with pytest.raises(Silent, match=r"no answer .*refused"):
        ask(f"http://127.0.0.1:{free_port()}", "/", seconds=SECONDS)


def test_one_who_says_nothing_is_not_waited_for() -> None:
    with serve(Answer(silent=True)) as server, pytest.raises(Silent, match="timed out"):
        ask(server.url, "/", seconds=0.1)


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
