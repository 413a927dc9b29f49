"""What is kept on the machine: whole or not there, and for one run at a time."""

from __future__ import annotations

import json
import resource
from typing import TYPE_CHECKING

import pytest

from ground.home import MADE, Home, write
from ground.settings import Refused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "ground").mkdir()
    return Home(tmp_path / "ground")


def test_a_state_that_was_being_written_is_put_aside(home: Home) -> None:
    home.state.write_text('{"version": 4, "res')
    home.put_aside()
    assert home.state.read_text() == ""
    assert home.state.with_name("terraform.tfstate.broken").read_text() == '{"version": 4, "res'


@pytest.mark.parametrize("text", ["", json.dumps({"version": 4})])
def test_a_whole_one_and_one_that_was_just_begun_stay(home: Home, text: str) -> None:
    home.state.write_text(text)
    home.put_aside()
    assert home.state.read_text() == text


def test_none_stays_none(home: Home) -> None:
    home.put_aside()
    assert list(home.path.iterdir()) == []


def test_what_does_not_fit_leaves_what_was_there(home: Home) -> None:
    write(home.outputs, "{}")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(home.outputs, "x" * 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in home.path.iterdir()] == ["outputs.json"]
    assert home.outputs.read_text() == "{}"


def test_one_is_at_work_at_a_time(home: Home) -> None:
    with home.alone(), pytest.raises(Refused, match="another run is at work here"), home.alone():
        pass
    with home.alone():
        pass


def test_passwords_are_all_here_or_not_complete(home: Home) -> None:
    for name in MADE:
        assert not home.is_complete()
        assert home.secret(name) == home.secret(name)
    assert home.is_complete()
