"""The bootstrap: its widths are known where theory knows them."""

import numpy as np
import pytest

from review import resample
from review.resample import Draw, Floats, Prepare, Rows, deviations, normal, percentile, strata

RANDOM = np.random.default_rng(11)


def mean_of(values: Floats) -> Prepare:
    def prepare(rows: Rows) -> Draw:
        return lambda weights: [float(values[rows] @ weights / weights.sum())]

    return prepare


def test_the_width_is_the_standard_error_of_a_mean() -> None:
    values = RANDOM.normal(0, 3, 4000)
    drawn = deviations(np.zeros(4000), 1000, mean_of(values))
    assert drawn.std() == pytest.approx(3 / np.sqrt(4000), rel=0.1)
    assert drawn.mean() == pytest.approx(0, abs=3 * 3 / np.sqrt(4000 * 1000))


def test_a_bag_of_little_bootstraps_has_the_width_of_the_whole() -> None:
    values = RANDOM.normal(0, 3, 4 * resample.LITTLE)
    drawn = deviations(np.zeros(len(values)), 200, mean_of(values))
    assert drawn.shape == (200, 1)
    assert drawn.std() == pytest.approx(3 / np.sqrt(len(values)), rel=0.2)


def test_rows_are_drawn_within_their_stratum() -> None:
    labels = np.repeat([0.0, 1.0], [300, 100])

    def counts(rows: Rows) -> Draw:
        return lambda weights: [weights[labels[rows] == value].sum() for value in (0, 1)]

    assert not deviations(labels, 50, counts).any()


def test_resamples_differ_from_each_other() -> None:
    values = RANDOM.normal(0, 1, 100)
    drawn = deviations(np.zeros(100), 50, mean_of(values))
    assert len(np.unique(drawn)) == 50


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = RANDOM.normal(0, 1, 500)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    one = deviations(np.zeros(500), 40, mean_of(values))
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert np.array_equal(one, deviations(np.zeros(500), 40, mean_of(values)))


def test_numeric_labels_are_cut_into_tenths() -> None:
    groups = strata(RANDOM.normal(0, 1, 1000))
    assert np.bincount(groups).tolist() == [100] * 10
    assert strata(np.array([0.0, 1.0, 0.0])).tolist() == [0, 1, 0]


def test_both_intervals_hold_the_middle_of_a_normal_sample() -> None:
    drawn = RANDOM.normal(0, 1, 20_000)
    for interval in (percentile(5.0, drawn), normal(5.0, drawn)):
        assert interval.low == pytest.approx(5 - 1.96, abs=0.06)
        assert interval.high == pytest.approx(5 + 1.96, abs=0.06)
