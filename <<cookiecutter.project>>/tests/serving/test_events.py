"""Each event is one line of JSON, and none holds what was sent."""

import json
import logging
from collections.abc import Iterator

import pytest

from serving import events


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = logging.getLogger()
    # Libraries that other tests have loaded may have silenced it.
    for name, value in {"disabled": False, "propagate": True, "level": logging.NOTSET}.items():
        monkeypatch.setattr(logging.getLogger("asyncio"), name, value)
    before, level = found.handlers, found.level
    events.set_up()
    yield
    found.handlers = before
    found.setLevel(level)


def test_an_event_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    events.say("ready", number=7, url="http://x\nand more")

    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert said.pop("at").endswith("+00:00")
    assert said == {"event": "ready", "number": 7, "url": "http://x\nand more"}


def test_a_fault_says_where_and_not_what(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("XSECRETX")
    except ValueError as error:
        events.fault(error, request="a")

    said = json.loads(capsys.readouterr().out)
    assert (said["event"], said["error"], said["request"]) == ("fault", "ValueError", "a")
    assert "test_a_fault_says_where" in said["where"][0]
    assert "XSECRETX" not in str(said)


@pytest.mark.usefixtures("root")
def test_what_libraries_log_is_told_without_their_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logging.getLogger("asyncio").error("XSECRETX %s", "XSECRETX")
    logging.getLogger("uvicorn.error").warning("XSECRETX")
    try:
        raise KeyError("XSECRETX")
    except KeyError:
        logging.getLogger("uvicorn.error").exception("XSECRETX")

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["event"], first["logger"], first["level"]) == ("library", "asyncio", "ERROR")
    assert (second["event"], second["error"]) == ("fault", "KeyError")
    assert "XSECRETX" not in f"{first}{second}"
