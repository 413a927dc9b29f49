"""Ids of many rows are those that they would have one by one."""

import json

import pytest
from msgspec.json import encode

from serving.predictions.ids import Ids


@pytest.mark.parametrize("first", [1000, 1999, 10**11, 10**11 + 999])
@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2500])
def test_they_are_numbered(first: int, count: int) -> None:
    ids = Ids("name-", first, count)
    expected = [f"name-{number}" for number in range(first, first + count)]

    assert list(ids) == expected
    assert ids.first == expected[0]
    assert json.loads(encode(ids.said(0, count))) == expected


@pytest.mark.parametrize(("start", "end"), [(0, 1), (7, 8), (1, 3), (499, 501), (0, 2000)])
def test_those_of_one_request_of_several_are_said(start: int, end: int) -> None:
    ids = Ids("name-", 1500, 2000)

    assert json.loads(encode(ids.said(start, end))) == list(ids)[start:end]
