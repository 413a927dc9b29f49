"""A stage ends well, or with one clear error on stderr and an exit code that is not zero."""

import traceback
from pathlib import Path

import polars as pl
import pytest

from pipeline import stage

HIDDEN = "N4711X"


def fails_with(error: BaseException) -> pytest.ExceptionInfo[SystemExit]:
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        stage.run("name", main)
    return caught


def test_a_stage_that_ends_well_exits_with_nothing() -> None:
    ran: list[bool] = []

    stage.run("name", lambda: ran.append(True))

    assert ran == [True]


def test_an_expected_failure_is_one_message_with_the_stage_and_a_failing_exit_code() -> None:
    error = fails_with(stage.StageError("data/raw.parquet: not there; make it"))

    # `sys.exit` prints a text and exits with 1.
    assert error.value.code == "name: error: data/raw.parquet: not there; make it"


def test_a_failing_disk_is_one_line() -> None:
    error = fails_with(OSError(28, "No space left on device"))

    assert error.value.code == "name: error: [Errno 28] No space left on device"


def test_what_polars_says_after_its_first_line_may_hold_values_and_is_not_shown() -> None:
    error = fails_with(pl.exceptions.ComputeError(f"could not parse\nrow: {HIDDEN}"))

    assert error.value.code == "name: error: could not parse"
    assert HIDDEN not in "".join(traceback.format_exception_only(error.value))


def test_an_interrupted_stage_has_the_exit_code_of_the_signal() -> None:
    assert fails_with(KeyboardInterrupt()).value.code == 130


def test_a_bug_keeps_its_traceback() -> None:
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stage.run("name", main)


def test_the_name_of_the_project_is_read_from_its_metadata(project: Path) -> None:
    assert stage.project() == "flights"
