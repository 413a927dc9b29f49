"""What changed between the data of two versions."""

import numpy as np
import polars as pl
import pytest

from pipeline.statistics import describe
from review.drift import ANOTHER, SHIFTED, drifts, psi, schema_changes


def statistics(frame: pl.DataFrame) -> dict[str, object]:
    return {name: describe(frame[name], 10, shareable=True) for name in frame.columns}


def frame(shift: float = 0.0, share: float = 0.5) -> pl.DataFrame:
    random = np.random.default_rng(7)
    return pl.DataFrame(
        {
            "number": random.normal(shift, 1, 5000),
            "category": np.where(random.random(5000) < share, "a", "b"),
        }
    )


def test_the_same_data_do_not_drift() -> None:
    before = frame()
    found = drifts(statistics(before), statistics(before), before)
    assert [drift.psi for drift in found] == [0.0, 0.0]


def test_a_shifted_number_and_a_shifted_share_are_told_apart_from_noise() -> None:
    before, after = frame(), frame(shift=1.0, share=0.8)
    found = {d.column: d.psi for d in drifts(statistics(before), statistics(after), after)}
    assert found["number"] > ANOTHER
    assert found["category"] > ANOTHER
    noise = frame().sample(fraction=0.5, seed=1)
    found = {d.column: d.psi for d in drifts(statistics(before), statistics(noise), noise)}
    assert max(found.values()) < SHIFTED / 10


def test_nulls_that_appear_are_drift() -> None:
    before = frame()
    after = before.with_columns(
        number=pl.when(pl.int_range(pl.len()) % 2 == 0).then(None).otherwise("number")
    )
    found = {d.column: d.psi for d in drifts(statistics(before), statistics(after), after)}
    assert found["number"] > ANOTHER
    assert found["category"] == 0


def test_the_farthest_column_comes_first() -> None:
    before, after = frame(), frame(share=0.9)
    found = drifts(statistics(before), statistics(after), after)
    assert [drift.column for drift in found] == ["category", "number"]


def test_psi_is_that_of_its_definition() -> None:
    expected = (0.6 - 0.4) * np.log(0.6 / 0.4) + (0.4 - 0.6) * np.log(0.4 / 0.6)
    assert psi([40, 60], [60, 40]) == pytest.approx(expected)
    assert psi([10, 0], [0, 10]) > ANOTHER
    assert psi([10, 0, 5], [10, 0, 5]) == 0


def test_columns_that_came_went_or_changed_type_are_named() -> None:
    before = statistics(frame())
    renamed = frame().rename({"number": "figure"}).with_columns(category=pl.lit(1))
    changes = schema_changes(before, statistics(renamed))
    assert changes == [
        "`figure` is new",
        "`number` is gone",
        "`category` was String, is Int32",
    ]
    assert [d.column for d in drifts(before, statistics(renamed), renamed)] == []


def test_a_rare_category_that_is_named_on_one_side_alone_is_no_drift() -> None:
    before = pl.DataFrame({"place": [f"p{number:03d}" for number in range(100)] * 10})
    after = before.vstack(pl.DataFrame({"place": ["p099"]}))
    assert "p099" not in describe(before["place"], 10, shareable=True)["counts"]
    (drift,) = drifts(statistics(before), statistics(after), after)
    assert drift.psi < SHIFTED / 10


def test_a_new_category_is_drift() -> None:
    before = frame()
    after = before.with_columns(
        category=pl.when(pl.col("category") == "a").then(pl.lit("c")).otherwise("category")
    )
    found = {d.column: d.psi for d in drifts(statistics(before), statistics(after), after)}
    assert found["category"] > ANOTHER
