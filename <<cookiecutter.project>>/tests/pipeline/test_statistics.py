"""A column in a few numbers."""

from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics import DISTINCT_NAMED, describe

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=1, max_size=60)


@given(NUMBERS, st.integers(2, 20))
def test_bins_hold_what_lies_above_one_edge_and_not_above_the_next(
    values: list[float | None], bins: int
) -> None:
    column = pl.Series("x", values, pl.Float64)
    known = [value for value in values if value is not None]

    about = describe(column, bins, shareable=True)

    edges = [-np.inf, *about["edges"], np.inf]
    naive = [sum(low < v <= high for v in known) for low, high in pairwise(edges)]
    assert about["counts"] == naive
    assert about["edges"] == sorted(set(about["edges"]))
    assert about["nulls"] == len(values) - len(known)


def test_tenths_of_even_numbers_are_even() -> None:
    about = describe(pl.Series(range(1000)), 10, shareable=True)

    assert all(99 <= count <= 101 for count in about["counts"])
    assert (about["minimum"], about["maximum"], about["mean"]) == (0, 999, 499.5)


def test_rare_categories_beyond_the_bound_are_counted_together() -> None:
    many = pl.Series("x", [f"v{place}" for place in range(DISTINCT_NAMED + 5)] + ["v0"])

    about = describe(many, 10, shareable=True)

    assert len(about["counts"]) == DISTINCT_NAMED
    assert about["counts"]["v0"] == 2
    assert about["rest"] == 5
    # Of equally rare ones the first by name are named, in whatever order the rows come.
    assert describe(many.shuffle(seed=1), 10, shareable=True) == about
