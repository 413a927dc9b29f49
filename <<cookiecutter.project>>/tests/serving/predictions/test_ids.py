"""Ids of many rows are those that they would have one by one."""

import json

import pytest

from serving.predictions.ids import Ids


@pytest.mark.parametrize("first", [1000, 1999, 10**11, 10**11 + 999])
@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2500])
def test_they_are_numbered(first: int, count: int) -> None:
    ids = Ids("name-", range(first, first + count))
    expected = [f"name-{number}" for number in range(first, first + count)]

    assert list(ids) == expected
    assert len(ids) == count
    assert [ids[place] for place in range(count)] == expected
    assert json.loads(ids.json()) == expected


@pytest.mark.parametrize("part", [slice(0, 1), slice(1, 3), slice(998, 1002), slice(0, 2000)])
def test_some_of_them_are_those_of_their_rows(part: slice) -> None:
    ids = Ids("name-", range(1500, 3500))

    assert isinstance(ids[part], Ids)
    assert list(ids[part]) == list(ids)[part]
    assert json.loads(ids[part].json()) == list(ids)[part]
