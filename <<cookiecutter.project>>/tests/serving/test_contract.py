"""A request keeps the contract of the training data, field by field."""

import datetime
import json
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import encoding, examples, features, schemas
from serving.contract import Broken, Contract
from tests.serving import bundles

Row = dict[str, Any]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture(scope="module")
def row(bundle: Path) -> Row:
    found: Row = bundles.examples(bundle)[0]["row"]
    return found


def refused(contract: Contract, *rows: Row) -> dict[str, tuple[str, tuple[int, ...]]]:
    with pytest.raises(Broken) as caught:
        contract.frame(list(rows))
    return {found.column: (found.rule, found.rows) for found in caught.value.violations}


def test_rows_become_the_frame_that_the_stages_had(
    contract: Contract, bundle: Path, raw: pl.DataFrame
) -> None:
    rows = [example["row"] for example in bundles.examples(bundle)]

    frame = contract.frame(rows)

    kept = frame.select("id").join(raw.drop("late"), on="id", maintain_order="left")
    assert frame.equals(
        kept.select(frame.columns).with_columns(pl.selectors.float().fill_nan(None))
    )
    assert frame.schema == kept.select(frame.columns).schema


def test_the_target_is_unknown_to_clients(contract: Contract, row: Row) -> None:
    assert refused(contract, row | {"late": True}) == {"late": ("is not in the contract", (0,))}


def test_fields_that_are_unknown_or_missing_are_named(contract: Contract, row: Row) -> None:
    less = {name: value for name, value in row.items() if name != "origin"}

    assert refused(contract, row, less | {"x" * 1000: 1, "id": "other"}) == {
        "origin": ("is missing", (1,)),
        "x" * 100: ("is not in the contract", (1,)),
    }


def test_not_every_unknown_field_is_named(contract: Contract, row: Row) -> None:
    assert len(refused(contract, row | {f"x{place}": 1 for place in range(1000)})) == 20


@pytest.mark.parametrize("wrong", ["1", 1.0, True, [], {}, 2**63, -(2**63) - 1, float("nan")])
def test_a_whole_number_is_one(contract: Contract, row: Row, wrong: object) -> None:
    found = refused(contract, row | {"month": wrong})
    assert found == {"month": ("must be a whole number", (0,))}


@pytest.mark.parametrize("wrong", ["1.0", True, float("nan"), float("inf"), 10**400, [1.0]])
def test_a_number_is_one(contract: Contract, row: Row, wrong: object) -> None:
    found = refused(contract, row | {"distance": wrong})
    assert found == {"distance": ("must be a number", (0,))}


def test_a_whole_number_is_a_number_too(contract: Contract, row: Row) -> None:
    assert contract.frame([row | {"distance": 500}])["distance"].to_list() == [500.0]


@pytest.mark.parametrize("wrong", [1, True, "\ud800", b"JFK"])
def test_text_is_text(contract: Contract, row: Row, wrong: object) -> None:
    found = refused(contract, row | {"origin": wrong})
    assert found == {"origin": ("must be text", (0,))}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("month", 13),
        ("distance", 0),
        ("origin", "TXL"),
        ("destination", "x"),
        ("month", None),
        ("hours", ""),
    ],
)
def test_the_rules_of_the_contract_hold(
    contract: Contract, row: Row, field: str, value: object
) -> None:
    found = refused(contract, row, row | {"id": "other", field: value})

    assert list(found) == [field]
    assert found[field][1] == (1,)


def test_what_may_be_unknown_may_be_null(contract: Contract, row: Row) -> None:
    assert contract.frame([row | {"wind": None}])["wind"].to_list() == [None]


def test_rows_of_one_request_are_told_apart(contract: Contract, row: Row) -> None:
    assert refused(contract, row, row) == {"id": ("must be unique", (0, 1))}


class Other(pa.DataFrameModel):
    """Types that the example has not."""

    id: str
    day: pl.Date
    time: pl.Datetime
    small: pl.Int8 = pa.Field(nullable=True)
    half: pl.Float32
    kind: pl.Enum = pa.Field(dtype_kwargs={"categories": ["a", "b"]})
    yes: bool


def test_every_type_comes_back_from_what_the_examples_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schemas, "Raw", Other)
    contract = Contract()
    frame = pl.DataFrame(
        {
            "id": ["one", "two"],
            "day": [datetime.date(2013, 1, 1), datetime.date(2013, 12, 31)],
            "time": [datetime.datetime(2013, 1, 1), datetime.datetime(2013, 1, 1, 1, 2, 3, 4)],
            "small": pl.Series([None, 100], dtype=pl.Int8),
            "half": pl.Series([0.1, 1.0], dtype=pl.Float32),
            "kind": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
            "yes": [True, False],
        }
    )
    rows = json.loads(json.dumps(examples.sendable(frame)))

    assert contract.frame(rows).equals(frame)
    wrong = {"day": "tomorrow", "time": "25:00", "small": 300, "kind": "c", "yes": 1}
    found = refused(contract, rows[0], rows[1] | wrong)
    assert {name: places for name, (_, places) in found.items()} == dict.fromkeys(wrong, (1,))


def wrong_fields(contract: Contract, row: Row) -> list[str]:
    """What is refused; what is not can be predicted from."""
    try:
        frame = contract.frame([row])
    except Broken as broken:
        return [found.column for found in broken.violations]
    nothing = encoding.Encoding({}, 0.0)
    every = dict.fromkeys(contract.columns, nothing)
    values = features.matrix(features.columns_of(frame), encoding.Encodings(every, every))
    assert values.shape == (1, len(features.NAMES))
    return []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(field=st.sampled_from(sorted(Contract().columns)), value=JSON)
def test_any_value_is_either_served_or_refused_by_its_field(
    row: Row, field: str, value: object
) -> None:
    asked = row | {field: value}

    assert wrong_fields(Contract(), asked) in ([], [field])
