"""The contract as data is the contract: it accepts, refuses and hands on as the pipeline does."""

import datetime
import hashlib
import hmac
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import encoding, examples, features, files, jsonschema, schemas
from pipeline.stage import StageError
from serving.refusal import Refusal
from serving.rows.contract import Contract
from serving.rows.reader import Reader
from tests.serving import bundles, samples
from tests.serving.samples import Row

CONTRACT = Contract(jsonschema.of(schemas.Raw, ["late"]))
READER = Reader(CONTRACT, most=1000)


@pytest.fixture(scope="module")
def row(bundle: Path) -> Row:
    found: Row = bundles.examples(bundle)[0]["row"]
    return found


def refused(*said: Any, contract: Contract = CONTRACT) -> dict[str | None, Any]:
    """The first rule of each field, and the rows that break it."""
    with pytest.raises(Refusal) as caught:
        contract.rows(list(said))
    assert caught.value.status == 422
    found: dict[str | None, Any] = {}
    for error in caught.value.errors:
        found.setdefault(error.field, (error.rule, error.rows))
    return found


def schema_of_rows(model: type[pa.DataFrameModel], *hidden: str) -> pa.DataFrameSchema:
    """What pandera holds one row to, whatever the others are."""
    schema = model.to_schema().remove_columns([*hidden])
    for column in schema.columns.values():
        column.unique = False
    return schema


ONE = schema_of_rows(schemas.Raw, "late")
FRAME = 1000  # rows compared at once


@given(seed=st.integers(0, 2**63), wrong=st.floats(0, 0.1))
@settings(max_examples=100)
def test_a_hundred_thousand_rows_are_refused_as_pandera_refuses_them(
    raw: pl.DataFrame, seed: int, wrong: float
) -> None:
    random = np.random.default_rng(seed)
    good = raw.drop("late").to_dicts()
    said = [dict(row) for row in samples.some(random, good, FRAME)]
    for name, column in ONE.columns.items():
        odd = [*samples.ANYTHING, *samples.near(column)]
        changed = np.flatnonzero(random.random(FRAME) < wrong)
        for place, value in zip(changed, samples.some(random, odd, len(changed)), strict=True):
            said[place][name] = value

    assert [samples.reader_says(READER, row) for row in said] == samples.pandera_says(ONE, said)


class Every(pa.DataFrameModel):
    """Rules and types that the example has not."""

    id: str = pa.Field(str_length={"min_value": 1, "max_value": 3})
    small: pl.Int8 = pa.Field(nullable=True, gt=-5, lt=100)
    large: pl.UInt16 = pa.Field(isin=[1, 65535])
    half: pl.Float32 = pa.Field(in_range={"min_value": 0, "max_value": 1, "include_max": False})
    rate: float = pa.Field(isin=[0.0, 0.5, 2.0], nullable=True)
    code: str = pa.Field(str_matches="[a-z]+$|EWR", nullable=True)
    start: str = pa.Field(str_startswith="a.", str_length={"max_value": 5})
    end: str = pa.Field(str_endswith="z$")
    part: str = pa.Field(str_contains="b+c")
    other: str = pa.Field(notin=["x", "EWR"], ne="y")
    count: int = pa.Field(ne=3, ge=0.5)
    yes: bool
    free: float = pa.Field(nullable=True)


VALID: dict[str, list[Any]] = {
    "id": ["a", "abc", "éèê"],
    "small": [None, -4, 0, 99],
    "large": [1, 65535],
    "half": [0.0, 0.5, 0.1, 0],
    "rate": [None, 0.0, 0.5, 2.0, 2],
    "code": [None, "ab", "EWR", "EWR\n"],
    "start": ["a.", "a.bcd"],
    "end": ["z$", "\nz$"],
    "part": ["bc", "abbbcd"],
    "other": ["z", ""],
    "count": [1, 2, 4, 2**63 - 1],
    "yes": [True, False],
    "free": [None, 0.1, -1e308, 7],
}
ODD = [
    "abcd", "ab\n", "EWRx", "a", "ab", "xa.", "a.bcde", "z$\n", "zz", "b", "bxc", "x", "y", 3, 99,
    100, -5, 127, 128, 65536, 0.99999999, 1.00000001, -1e-300, 3.5e38, 0.25, "é" * 4,
]  # fmt: skip


@given(seed=st.integers(0, 2**63), wrong=st.floats(0, 0.2))
@settings(max_examples=15)
def test_other_types_and_rules_are_those_of_pandera_too(seed: int, wrong: float) -> None:
    schema = schema_of_rows(Every)
    reader = Reader(Contract(jsonschema.of(Every, [])), most=1000)
    random = np.random.default_rng(seed)
    said: list[Row] = [{} for _ in range(FRAME)]
    for name, column in schema.columns.items():
        odd = [*samples.ANYTHING, *samples.near(column), *ODD]
        values = samples.some(random, VALID[name], FRAME)
        for place in np.flatnonzero(random.random(FRAME) < wrong):
            values[place] = samples.some(random, odd, 1)[0]
        for one, value in zip(said, values, strict=True):
            one[name] = value

    assert [samples.reader_says(reader, row) for row in said] == samples.pandera_says(schema, said)


@pytest.mark.parametrize("name", ["id", "month", "carrier", "distance", "wind"])
@pytest.mark.parametrize("value", samples.ANYTHING, ids=lambda value: repr(value)[:20])
def test_a_row_from_any_format_has_the_verdict_of_the_same_row_from_json(
    row: Row, name: str, value: Any
) -> None:
    said = row | {name: value}
    try:
        CONTRACT.rows([said])
        found: set[str] = set()
    except Refusal as refusal:
        found = {str(error.field) for error in refusal.errors}

    assert found == samples.reader_says(READER, said)


def test_the_service_sees_what_the_stages_saw(trained: Path) -> None:
    raw = files.read_parquet(trained / files.RAW)
    encodings = encoding.of(files.read_json(trained / files.ENCODINGS))
    contract = Contract(files.read_json(trained / files.CONTRACT))
    expected = features.columns_of(raw.drop("late"))

    for part in (raw, raw.head(1)):
        expected = features.columns_of(part.drop("late"))
        columns = contract.columns(contract.rows(examples.sendable(part.drop("late"))))

        assert columns.keys() == expected.keys()
        for name, column in expected.items():
            np.testing.assert_array_equal(columns[name], column, name)
            assert getattr(columns[name], "dtype", list) == getattr(column, "dtype", list)
        matrix = features.matrix(columns, encodings)
        assert matrix.tobytes() == features.matrix(expected, encodings).tobytes()


class Kinds(pa.DataFrameModel):
    """Columns that are no numbers, and numbers of other widths."""

    id: str
    day: pl.Date
    time: pl.Datetime
    clock: pl.Time = pa.Field(nullable=True)
    small: pl.Int8 = pa.Field(nullable=True)
    full: pl.Int32 = pa.Field(nullable=True)
    half: pl.Float32
    kind: pl.Enum = pa.Field(dtype_kwargs={"categories": ["a", "b"]}, nullable=True)
    yes: bool
    text: str = pa.Field(nullable=True, alias="a text, of any kind")


KINDS = pl.DataFrame(
    {
        "id": ["one", "two"],
        "day": [datetime.date(2013, 1, 1), datetime.date(2013, 12, 31)],
        "time": [datetime.datetime(2013, 1, 1), datetime.datetime(2013, 1, 1, 1, 2, 3, 4)],
        "clock": [None, datetime.time(23, 59, 59)],
        "small": pl.Series([None, 100], dtype=pl.Int8),
        "full": pl.Series([7, 100], dtype=pl.Int32),
        "half": pl.Series([0.1, 1.0], dtype=pl.Float32),
        "kind": pl.Series(["a", None], dtype=pl.Enum(["a", "b"])),
        "yes": [True, False],
        "a text, of any kind": [None, "x"],
    }
)


def test_every_type_comes_back_as_the_stages_have_it() -> None:
    Kinds.validate(KINDS)
    contract = Contract(jsonschema.of(Kinds, []))
    said = json.loads(json.dumps(examples.sendable(KINDS)))

    columns = contract.columns(contract.rows(said))

    for name, column in features.columns_of(KINDS).items():
        np.testing.assert_array_equal(columns[name], column, name)
        assert getattr(columns[name], "dtype", list) == getattr(column, "dtype", list), name
    wrong = {"day": "tomorrow", "time": "25:00", "clock": 5, "small": 300, "kind": "c", "yes": 1}
    wrong |= {"full": 2**31, "half": 1e39}
    found = refused(said[0], said[1] | wrong, contract=contract)
    assert {name: places for name, (_, places) in found.items()} == dict.fromkeys(wrong, (1,))
    assert found["day"][0] == "must be a date as 2013-12-31"
    assert found["kind"][0] == "must be one of a, b"
    zone = refused(said[0] | {"time": "2013-01-01T00:00:00Z"}, contract=contract)
    assert zone["time"][0].startswith("must be a date and time without a zone")


def test_the_target_is_unknown_to_clients(row: Row) -> None:
    assert refused(row | {"late": True}) == {"late": ("is not in the contract", (0,))}


def test_all_that_is_wrong_is_said_at_once_and_no_value_of_it(row: Row) -> None:
    less = {name: value for name, value in row.items() if name != "origin"}
    wrong = {"id": "b", "month": 4711, "carrier": "N4711", "distance": "4711", "wind": -4711}

    with pytest.raises(Refusal) as caught:
        CONTRACT.rows([row, less | wrong, 4711, row | {"id": "c", "hours": None, "x" * 1000: 1}])

    assert sorted(map(str, caught.value.errors)) == [
        "carrier: must be one of 9E, AA, AS, B6, DL, EV, F9, FL, HA, MQ, OO, UA, US, VX, WN, YV: "
        "1 rows (1)",
        "distance: must be a number: 1 rows (1)",
        "hours: must not be null: 1 rows (3)",
        "month: must be at most 12: 1 rows (1)",
        "must be an object: 1 rows (2)",
        "origin: is missing: 1 rows (1)",
        "wind: must be at least 0: 1 rows (1)",
        f"{'x' * 100}: is not in the contract: 1 rows (3)",
    ]
    assert "4711" not in str(caught.value)


def test_rows_of_one_request_are_told_apart(row: Row) -> None:
    other = row | {"id": "other"}
    wrong = row | {"id": "wrong", "month": 0}

    assert refused(row, other, row) == {"id": ("must be unique", (0, 2))}
    assert refused(wrong, other, wrong)["id"] == ("must be unique", (0, 2))


def test_thousands_of_broken_rows_cost_no_more_than_a_thousand() -> None:
    class Counted(dict[str, Any]):
        looks = 0

        def get(self, name: str, default: Any = None) -> Any:
            Counted.looks += 1
            return super().get(name, default)

    said = [Counted({f"k{place}-{n}": n for n in range(5)}, month=0) for place in range(10_000)]

    errors = CONTRACT.errors(said)

    assert Counted.looks < 40_000
    assert len(errors) <= 101
    assert max(len(error.rows) for error in errors) == 5
    (last,) = [error for error in errors if error.rule.startswith("was not looked at")]
    assert last.count + last.rows[0] == 10_000
    missing = next(error for error in errors if error.field == "origin")
    assert missing.count == last.rows[0]


def test_one_broken_row_among_thousands_is_found(row: Row) -> None:
    said = [row | {"id": str(place)} for place in range(5000)]
    said[4711] = said[4711] | {"month": 0}

    assert refused(*said) == {"month": ("must be at least 1", (4711,))}


def private(*names: str) -> Contract:
    said = jsonschema.of(schemas.Raw, ["late"])
    for name in names:
        said["properties"][name]["x-private"] = True
    return Contract(said)


def logged(kept: Sequence[Any]) -> Any:
    """As the log has them."""
    return json.loads(msgspec.json.encode(kept))


def test_a_log_keeps_rows_as_they_came(row: Row) -> None:
    said = [row, row | {"id": "other", "wind": None}]

    assert logged(CONTRACT.kept(CONTRACT.rows(said))) == said


def test_private_fields_are_hashed_under_a_key(row: Row) -> None:
    contract = private("destination", "wind", "seats")
    held = contract.rows([row | {"wind": None}, row | {"id": "other", "wind": 1, "seats": 1}])

    first, second = logged(contract.kept(held, b"key"))

    text = b"destination\0" + json.dumps(row["destination"]).encode()
    assert first["destination"] == hmac.new(b"key", text, hashlib.sha256).hexdigest()[:16]
    assert first["destination"] == second["destination"]
    assert first["wind"] is None
    assert second["wind"] != second["seats"]  # equal values of two fields look different
    public = {name: value for name, value in row.items() if name not in ("destination", "wind")}
    assert {**first, "seats": row["seats"]} == {
        **public,
        **{n: first[n] for n in ("destination", "wind")},
    }
    (again, _) = logged(contract.kept(held, b"another"))
    assert again["destination"] != first["destination"]


def test_private_fields_are_left_out_without_a_key(row: Row) -> None:
    contract = private("destination")

    (kept,) = logged(contract.kept(contract.rows([row])))

    assert kept == {name: value for name, value in row.items() if name != "destination"}


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"properties": {}, "required": []},
        {"properties": {"a": {}}, "required": ["a"]},
        {"properties": {"a": {"type": "integer"}}, "required": []},
        {"properties": {"a": {"type": "array"}}, "required": ["a"]},
        {"properties": {"a": {"type": "string", "pattern": "("}}, "required": ["a"]},
    ],
)
def test_a_file_that_is_no_contract_is_one_clear_error(said: Any) -> None:
    with pytest.raises(StageError, match=r"models/contract\.json: no contract"):
        Contract(said)
