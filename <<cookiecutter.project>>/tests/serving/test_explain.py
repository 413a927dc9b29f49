"""Contributions add up, are the same every time, and are Shapley's where those can be computed."""

from collections.abc import Callable, Mapping
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import features, files
from serving import explain, model, release
from serving.explain import Explainer

Predict = Callable[[Mapping[str, Any]], NDArray[Any]]
AXES = ("a", "b", "c", "d")


def additive(columns: Mapping[str, Any]) -> NDArray[Any]:
    found: NDArray[Any] = 2.0 * columns["a"] - columns["b"] + 0.5 * columns["c"]
    found += 0.0 * columns["d"]
    return found


def pairwise(columns: Mapping[str, Any]) -> NDArray[Any]:
    found: NDArray[Any] = columns["a"] * columns["b"] - 3.0 * columns["c"] * columns["d"]
    return found


def tangled(columns: Mapping[str, Any]) -> NDArray[Any]:
    found: NDArray[Any] = np.tanh(columns["a"] * columns["b"] * columns["c"] - columns["d"])
    return found


def numbers(rows: int, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {name: random.normal(size=rows) for name in AXES}


def exact(predict: Predict, row: Mapping[str, Any], background: Mapping[str, Any]) -> list[float]:
    """Shapley values by their definition, over all coalitions."""

    def value(own: tuple[str, ...]) -> float:
        rows = len(background[AXES[0]])
        mixed = {n: np.repeat(row[n], rows) if n in own else background[n] for n in AXES}
        return float(predict(mixed).mean())

    found = []
    for name in AXES:
        others = [other for other in AXES if other != name]
        sets = [held for size in range(len(AXES)) for held in combinations(others, size)]
        gains = [
            (value((*held, name)) - value(held)) / comb(len(others), len(held)) for held in sets
        ]
        found.append(sum(gains) / len(AXES))
    return found


@pytest.mark.parametrize("predict", [additive, pairwise])
def test_up_to_interactions_of_two_fields_they_are_the_exact_shapley_values(
    predict: Predict,
) -> None:
    background, row = numbers(50, 1), numbers(1, 2)

    found = Explainer(predict, background, AXES)(row)

    wanted = exact(predict, row, background)
    assert list(found.contributions.values()) == pytest.approx(wanted, abs=1e-9)
    assert found.base == pytest.approx(float(predict(background).mean()), abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_beyond_they_come_near(seed: int) -> None:
    background, row = numbers(200, seed), numbers(1, seed + 100)

    found = Explainer(tangled, background, AXES)(row)

    wanted = exact(tangled, row, background)
    assert max(map(abs, wanted)) > 0.2
    assert list(found.contributions.values()) == pytest.approx(wanted, abs=0.08)


@settings(max_examples=50)
@given(
    st.lists(st.floats(-10, 10), min_size=4, max_size=4),
    st.integers(1, 30),
    st.sampled_from([additive, pairwise, tangled]),
)
def test_base_and_contributions_are_the_prediction(
    values: list[float], rows: int, predict: Predict
) -> None:
    row = {name: np.array([value]) for name, value in zip(AXES, values, strict=True)}

    found = Explainer(predict, numbers(rows, 3), AXES)(row)

    assert found.prediction == float(predict(row)[0])
    total = found.base + sum(found.contributions.values())
    assert total == pytest.approx(found.prediction, abs=1e-9)


def test_the_same_row_is_explained_alike_by_everybody() -> None:
    background, row = numbers(40, 4), numbers(1, 5)
    first = Explainer(tangled, background, AXES)

    assert first(row) == first(row) == Explainer(tangled, background, AXES)(row)


def test_a_field_that_the_model_does_not_read_contributes_nothing() -> None:
    def unread(columns: Mapping[str, Any]) -> NDArray[Any]:
        return np.sin(np.asarray(columns["a"], np.float64))

    found = Explainer(unread, numbers(40, 6), AXES)(numbers(1, 7))

    assert found.contributions["a"] == pytest.approx(found.prediction - found.base)
    assert [found.contributions[name] for name in "bcd"] == [0.0, 0.0, 0.0]


def test_a_model_that_reads_nothing_has_nothing_to_explain() -> None:
    def constant(columns: Mapping[str, Any]) -> NDArray[Any]:
        return np.full(max(map(len, columns.values())), 0.25)

    reading_all = Explainer(constant, numbers(40, 6), AXES)(numbers(1, 7))
    of_none = Explainer(additive, numbers(40, 6), ())(numbers(1, 7))

    assert set(reading_all.contributions.values()) == {0.0}
    assert of_none.contributions == {}


def test_text_unknown_numbers_and_equal_values_are_told_apart() -> None:
    def mixed(columns: Mapping[str, Any]) -> NDArray[Any]:
        long = np.array([word == "much longer" for word in columns["word"]], float)
        return long + np.isnan(np.asarray(columns["number"], np.float64))

    background = {"word": ["s", None] * 10, "number": np.array([1.0, 2.0] * 10)}
    row = {"word": ["much longer"], "number": np.array([np.nan])}

    found = Explainer(mixed, background, ("word", "number"))(row)

    assert found.contributions == {"word": 1.0, "number": 1.0}


def test_its_work_has_a_bound() -> None:
    asked: list[int] = []

    def counting(columns: Mapping[str, Any]) -> NDArray[Any]:
        asked.append(len(columns["a"]))
        return additive(columns)

    explainer = Explainer(counting, numbers(5000, 8), AXES)
    asked.clear()
    explainer(numbers(1, 9))

    assert len(asked) == 1
    assert asked[0] <= explain.ROWS + 1


def test_real_rows_of_a_trained_model_are_explained_by_what_it_reads(bundle: Path) -> None:
    predict = model.load(release.read(bundle))
    rows = pl.DataFrame(
        [example["row"] for example in files.read_json(bundle / files.EXAMPLES)],
        infer_schema_length=None,
    )
    fields = [name for name in rows.columns if name != "id"]
    columns = features.columns_of(rows)
    explainer = Explainer(predict, columns, fields)

    for place in (0, 50, 199):
        row = {name: column[place : place + 1] for name, column in columns.items()}
        found = explainer(row)
        total = found.base + sum(found.contributions.values())
        assert found.prediction == float(predict(row)[0])
        assert total == pytest.approx(found.prediction, abs=1e-9)
        assert list(found.contributions) == fields
        # No feature is made of these.
        assert {found.contributions[name] for name in ("day", "hours", "congestion")} == {0.0}
        assert sum(abs(value) for value in found.contributions.values()) > 0.01
