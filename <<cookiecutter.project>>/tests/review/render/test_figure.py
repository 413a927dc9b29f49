"""A figure is well-formed, complete and readable, whatever the chart."""

import math
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from review.render.charts import Axis, Chart, Series
from review.render.figure import figure, ticks


def texts(chart: Chart) -> list[str]:
    return [text for text in parsed(chart).itertext() if text.strip()]


def parsed(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(figure(chart))  # noqa: S314


def printable(text: str) -> bool:
    # XML, by which the tests read a figure, knows fewer characters than HTML.
    return text.isprintable()


words = st.text().filter(printable)
values = st.lists(st.floats(), min_size=3, max_size=3).map(tuple)


@given(words, st.lists(words, min_size=3, max_size=3).map(tuple), values, values)
def test_no_text_or_number_breaks_a_figure(
    text: str, names: tuple[str, ...], first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    series = Series(text, first), Series("other", second)
    for chart in (
        Chart(text, text, text, names, series, "bar"),
        Chart(text, text, text, names, series),
        Chart(text, text, text, (first[0], first[1]), series),
    ):
        root = parsed(chart)
        drawing = [" ".join(one.attrib.values()) for one in root.iter()]
        assert not [one for one in drawing if "nan" in one or "inf" in one]
        if chart.drawn:
            assert root.find("svg/title") is not None
            assert root.find("svg/desc") is not None


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    chart = Chart("t", "x", "y", (0, 1), (Series("s", (1.0, 2.0, math.nan, 2.0, 1.0)),))

    (path,) = [one for one in parsed(chart).iter("path") if len(one.attrib["d"]) > 10]

    assert path.attrib["d"].count("M") == 2
    assert path.attrib["d"].count("L") == 2


def test_a_missing_value_is_no_bar_and_no_category_is_left_out() -> None:
    names = tuple(f"c{index}" for index in range(100))
    chart = Chart("t", "x", "y", names, (Series("s", (math.nan, *range(1, 100))),), "bar")

    assert len(list(parsed(chart).find("svg[@role]").iter("rect"))) == 99  # type: ignore[union-attr]
    assert set(names) <= set(texts(chart))


def test_an_empty_chart_is_a_sentence() -> None:
    chart = Chart("<Empty>", "x", "y", (0, 1), (Series("s", (math.nan,)),))

    assert figure(chart) == '<p class="note">&lt;Empty&gt;: no values to draw.</p>'


def test_series_beyond_the_palette_are_told_apart_by_dashes() -> None:
    series = tuple(Series(f"s{index}", (float(index), 1.0)) for index in range(8))
    chart = Chart("t", "x", "y", (0, 1), series)

    looks = {
        (one.attrib.get("style"), one.attrib.get("stroke-dasharray"))
        for one in parsed(chart).iter("path")
    }

    assert len(looks) == len(series)


def test_ticks_are_round() -> None:
    assert [label for _, label in ticks(Axis(0, 1))] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [label for _, label in ticks(Axis(-3, 27_000))] == [
        "0",
        "5,000",
        "10,000",
        "15,000",
        "20,000",
        "25,000",
    ]


@given(st.floats(-1e99, 1e99), st.floats(1e-99, 1e99))
def test_ticks_are_few_distinct_and_inside(low: float, width: float) -> None:
    scale = Axis(low, low + max(width, abs(low) * 1e-5))
    places = [place for place, _ in ticks(scale)]
    slack = (scale.high - scale.low) * 1e-6

    assert 1 <= len(places) <= 8
    assert len({label for _, label in ticks(scale)}) == len(places)
    assert all(scale.low - slack <= place <= scale.high + slack for place in places)
