"""Ids of many rows are those that they would have one by one."""

import pytest

from serving.predictions.ids import numbered


@pytest.mark.parametrize("first", [1000, 1999, 10**11, 10**11 + 999])
@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2500])
def test_they_are_numbered(first: int, count: int) -> None:
    assert numbered("name-", first, count) == [f"name-{n}" for n in range(first, first + count)]
