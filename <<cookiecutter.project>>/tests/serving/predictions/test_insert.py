"""Rows arrive as they are, however many there are, in SQLite and in PostgreSQL."""

import pytest

from serving.predictions.insert import AT_ONCE, OWN
from serving.predictions.record import About, Prediction
from serving.predictions.store import PREDICTIONS
from tests.serving import logs

ABOUT = About("tree", "dev", 7)


@pytest.mark.parametrize("count", [1, AT_ONCE - 1, AT_ONCE, 2 * AT_ONCE + 1])
def test_so_many_rows_as_there_are_and_each_as_it_is(url: str, count: int) -> None:
    rows: list[Prediction] = [
        (str(each), each / 4, f"r-{each}", each / 2, f'{{"a":{each}}}', each / 8, each % 3 == 0)
        for each in range(count)
    ]
    rows[0] = ("0", 0.0, "r", 0.0, '{"a":"\u00e9\\u0000"}', None, None)
    store = logs.store(url)
    store.write(ABOUT, rows)
    store.write(ABOUT, rows)
    store.close()

    found = logs.table(url, PREDICTIONS)
    assert sorted(tuple(one[name] for name in OWN) for one in found) == sorted(rows)
    assert {(one["release"], one["environment"], one["deployment"]) for one in found} == {
        ("tree", "dev", 7)
    }
