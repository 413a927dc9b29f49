"""Values beyond the training's are counted, whenever somebody asks."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline import files
from serving import ranges
from serving.ranges import ROWS, Ranges


@pytest.fixture
def counted() -> Ranges:
    return Ranges({"x": (0.0, 10.0), "y": (-1.0, 1.0)})


def test_values_outside_are_counted_and_unknown_ones_are_not(counted: Ranges) -> None:
    counted.add({"x": np.array([0.0, 10.0, 10.5]), "y": [np.nan, -2.0, 1.0], "z": "abc"}, 3)
    counted.add({"x": np.array([-1]), "y": np.array([0.0])}, 1)

    assert counted.counts() == {"x": 2, "y": 1}
    assert counted.counts() == {"x": 2, "y": 1}


def test_who_has_no_ranges_counts_nothing() -> None:
    none = Ranges({})
    none.add({"x": np.array([1.0])}, ROWS)

    assert none.counts() == {}


def test_what_waits_is_bounded(counted: Ranges) -> None:
    for _ in range(3 * ROWS):
        counted.add({"x": np.array([11.0]), "y": np.array([0.0])}, 1)
        assert len(counted.waiting) < ROWS

    assert counted.counts() == {"x": 3 * ROWS, "y": 0}


def test_the_ranges_are_those_of_the_rows_that_were_described(trained: Path) -> None:
    found = ranges.bounds(json.loads((trained / files.STATISTICS).read_text()))

    assert found["month"] == (1.0, 12.0)
    assert found["distance"][0] >= 1
    assert "origin" not in found


@pytest.mark.parametrize("said", [{}, [], None, {"x": {"counts": []}}, {"x": 1}])
def test_without_a_description_nothing_is_counted(said: object) -> None:
    assert ranges.bounds(said) == {}
