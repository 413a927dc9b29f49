"""Recorded answers are compared with what is said now: within rounding, and no number is near."""

import json
import math

import pytest

from pipeline import files
from pipeline.stage import StageError
from serving import recorded


def test_it_reads_what_the_evaluation_wrote() -> None:
    assert recorded.EXAMPLES == files.EXAMPLES
    known = recorded.read(b'[{"row": {"a": 1}, "prediction": 1, "label": true}]')
    assert known == [{"row": {"a": 1}, "prediction": 1.0}]


@pytest.mark.parametrize("said", ["", "{", "[1]", '[{"row": {}}]', '[{"row": 1, "prediction": 1}]'])
def test_other_files_are_refused(said: str) -> None:
    with pytest.raises(StageError, match="no examples of a release; the release is damaged"):
        recorded.read(said.encode())


@pytest.mark.parametrize("said", [{}, []])
def test_nothing_to_compare_is_refused(said: object) -> None:
    with pytest.raises(StageError, match="holds no rows; nothing can be compared"):
        recorded.read(json.dumps(said).encode())


def test_the_largest_difference_is_told() -> None:
    assert recorded.largest([0.5, 0.25], [0.5, 0.25 + 5e-7]) == pytest.approx(5e-7)
    assert recorded.largest([0.5], [0.5]) == 0


@pytest.mark.parametrize("wrong", [0.7, math.nan, math.inf, -math.inf])
def test_the_row_that_is_furthest_is_named(wrong: float) -> None:
    with pytest.raises(StageError, match=r"row 2 of reports/examples\.json differs by"):
        recorded.largest([0.5, 0.5, 0.5, 0.5], [0.5, 0.6, wrong, 0.4])
