"""Ranges hold whatever numbers data may bring, and a chart refuses what it could not draw."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.render.charts import Chart, Series, axis, finite, x_axis, y_axis


@given(st.lists(st.floats()))
def test_an_axis_is_finite_and_wide_enough_whatever_the_values(values: list[float]) -> None:
    low, high = axis(values)

    assert math.isfinite(low)
    assert math.isfinite(high)
    assert high - low > max(abs(low), abs(high)) * 1e-7
    assert all(low <= value <= high for value in finite(values) if value is not None)


def test_values_that_no_axis_can_show_are_none() -> None:
    assert finite([1, math.nan, math.inf, -math.inf, 1e300, 1e-300]) == [1, *[None] * 4, 0]


def test_bars_start_at_zero() -> None:
    chart = Chart("t", "x", "y", ("a", "b"), (Series("s", (3.0, 5.0)),), "bar")

    assert y_axis(chart).low == 0


def test_a_given_range_wins_over_the_data() -> None:
    assert y_axis(Chart("t", "x", "y", (0, 1), (Series("s", (3.0, 5.0)),), y=(0, 1))) == (0, 1)


def test_a_range_without_width_gets_one() -> None:
    assert x_axis(Chart("t", "x", "y", (5, 5), (Series("s", (3.0,)),))) == (4.95, 5.05)


def test_a_series_without_a_value_is_not_drawn() -> None:
    chart = Chart("t", "x", "y", (0, 1), (Series("a", (math.nan,)), Series("b", (1.0,))))

    assert [one.name for one in chart.drawn] == ["b"]


def test_numbers_of_values_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'t': numbers of values differ: \[1, 2\]"):
        Chart("t", "x", "y", ("a", "b"), (Series("s", (1.0,)),))


def test_bars_on_a_numeric_range_are_refused() -> None:
    with pytest.raises(ValueError, match="'t': bars need categories"):
        Chart("t", "x", "y", (0, 1), (Series("s", (1.0, 2.0)),), "bar")
