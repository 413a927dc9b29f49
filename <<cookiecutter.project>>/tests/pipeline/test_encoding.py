"""Encodings are what they say they are, and come back from their file as they were."""

import json
import math
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import encoding, files
from pipeline.encoding import Coded, Encoding, Encodings
from pipeline.stage import StageError

WORDS = st.lists(st.sampled_from(["a", "b", "c", "Ä", "", None]), min_size=1, max_size=40)


def test_codes_go_from_the_most_frequent_to_the_rarest_and_ties_by_name() -> None:
    column = pl.Series("x", ["c", "b", "a", "b", "c", "d", None, None, None])

    assert encoding.code(column).values == {"b": 0.0, "c": 1.0, "a": 2.0, "d": 3.0}


@given(WORDS, st.randoms(use_true_random=False))
def test_codes_do_not_depend_on_the_order_of_rows(words: list[str | None], random: Random) -> None:
    shuffled = random.sample(words, len(words))

    assert encoding.code(pl.Series("x", words, pl.String)) == encoding.code(
        pl.Series("x", shuffled, pl.String)
    )


def test_unknown_values_and_nulls_have_the_code_of_no_other() -> None:
    encoded = encoding.code(pl.Series("x", ["a", "b", "a"]))(["a", "new", None], 3)

    assert encoded.tolist() == [0.0, encoding.UNKNOWN, encoding.UNKNOWN]
    assert encoded.dtype == np.float32


@given(WORDS, st.data(), st.floats(0, 1000))
def test_rates_are_smoothed_by_the_formula(
    words: list[str | None], data: st.DataObject, smoothing: float
) -> None:
    size = len(words)
    labels = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))

    encoded = encoding.rate(pl.Series("x", words, pl.String), pl.Series(labels), smoothing)

    mean = sum(labels) / size
    assert math.isclose(encoded.other, mean)
    assert encoded.values.keys() == set(words) - {None}
    for value, rate in encoded.values.items():
        seen = [label for word, label in zip(words, labels, strict=True) if word == value]
        assert math.isclose(rate, (sum(seen) + smoothing * mean) / (len(seen) + smoothing))


@given(WORDS)
def test_a_column_of_few_values_is_encoded_as_its_list(words: list[str | None]) -> None:
    values, places = np.unique([word or "" for word in words], return_inverse=True)
    column = Coded(values.tolist, places)
    encoded = Encoding({"a": 1.0, "b": 2.0}, -1.0)

    assert list(column) == [word or "" for word in words]
    assert list(column[1:]) == list(column)[1:]
    assert column[0] == (words[0] or "")
    expected = encoded(list(column), len(words))
    assert encoded(column, len(words)).tobytes() == expected.tobytes()


def test_unknown_values_have_the_rate_of_all() -> None:
    encoded = encoding.rate(pl.Series("x", ["a", "b"]), pl.Series([True, False]), 10)

    assert encoded(["new", None], 2).tolist() == [0.5, 0.5]


@given(
    st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False)),
    st.floats(allow_nan=False, allow_infinity=False),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_encodings_come_back_from_their_file_equal(
    project: Path, values: dict[str, float], other: float
) -> None:
    kept = Encodings(codes={"x": Encoding(values, other)}, rates={"y": Encoding(values, other)})

    kept.write()

    assert encoding.read() == kept


def test_encodings_are_kept_as_plain_data(project: Path) -> None:
    Encodings(codes={"x": encoding.code(pl.Series("x", ["a"]))}, rates={}).write()

    assert json.loads(files.ENCODINGS.read_text()) == {
        "codes": {"x": {"values": {"a": 0.0}, "other": -1.0}}, "rates": {},
    }  # fmt: skip


@pytest.mark.parametrize("text", ["{}", "[]", '{"codes": {"x": 1}, "rates": {}}', "{"])
def test_a_damaged_file_is_one_clear_error(project: Path, text: str) -> None:
    files.ENCODINGS.parent.mkdir()
    files.ENCODINGS.write_text(text)

    with pytest.raises(StageError, match=r"models/encodings\.json: .*make reproduce"):
        encoding.read()
