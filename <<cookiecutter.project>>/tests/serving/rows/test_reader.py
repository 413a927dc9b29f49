"""Whatever a body is, it becomes rows of the contract, or one refusal that says what is wrong."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.proto_json_utils import dump_input_data

from pipeline import examples, jsonschema, schemas
from serving.refusal import Refusal
from serving.rows.contract import Contract, Rows
from serving.rows.reader import ARROW, JSON, Reader
from tests.serving import bundles
from tests.serving.samples import Row

MOST = 300
CONTRACT = Contract(jsonschema.of(schemas.Raw, ["late"]))
READER = Reader(CONTRACT, MOST)


@pytest.fixture(scope="module")
def said(bundle: Path) -> list[Row]:
    return [example["row"] for example in bundles.examples(bundle)]


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def refused(body: bytes, kind: str = JSON, reader: Reader = READER) -> tuple[int, list[str]]:
    with pytest.raises(Refusal) as caught:
        reader.read(kind, body)
    return caught.value.status, [str(error) for error in caught.value.errors]


def kept(rows: Rows) -> Any:
    return json.loads(msgspec.json.encode(CONTRACT.kept(rows)))


def test_every_format_says_the_same_rows(said: list[Row]) -> None:
    columns = {name: [row[name] for row in said] for name in said[0]}
    frame = pl.DataFrame(said, infer_schema_length=None)
    old, new = io.BytesIO(), io.BytesIO()
    frame.write_ipc_stream(old, compat_level=pl.CompatLevel.oldest())
    frame.write_ipc_stream(new)
    split = {"columns": list(columns), "data": [list(row.values()) for row in said]}

    for kind, body in (
        (JSON, dumped({"rows": said})),
        (f"{JSON}; charset=UTF-8", dumped({"rows": said[::-1]})[:-1] + b" }\n"),
        ("", json.dumps({"rows": said}, ensure_ascii=False, indent=2).encode()),
        (JSON, dumped({"columns": columns})),
        (ARROW, old.getvalue()),
        (f" {ARROW.upper()} ", new.getvalue()),
    ):
        rows = kept(READER.read(kind, body))
        assert sorted(rows, key=str) == sorted(said, key=str)
    for known in ({"dataframe_split": split}, {"dataframe_records": said, "params": {"a": 1}}):
        assert kept(READER.invocations(JSON, dumped(known))) == said


def test_mlflows_own_client_is_understood(raw: pl.DataFrame) -> None:
    rows = raw.drop("late").tail(MOST)
    frame = pd.DataFrame(rows.to_dicts())
    assert frame.isna().any().any()

    for data in (frame, {"dataframe_records": frame.to_dict("records")}):
        body = (dump_input_data(data) if data is frame else json.dumps(data)).encode()
        assert b"NaN" in body
        assert kept(READER.invocations(JSON, body)) == examples.sendable(rows)


def test_nan_inside_a_text_is_its_text(said: list[Row]) -> None:
    row = said[0] | {"id": 'NaN "NaN\\', "wind": float("nan")}

    (found,) = kept(READER.invocations(JSON, dumped({"dataframe_records": [row]})))

    assert found == row | {"wind": None}


def test_whole_numbers_that_pandas_made_floats_are_whole_again() -> None:
    reader = Reader(
        Contract(
            {
                "properties": {
                    "a": {"type": ["integer", "null"], "format": "int64"},
                    "b": {"type": "integer", "format": "int64"},
                },
                "required": ["a", "b"],
            }
        ),
        MOST,
    )
    body = dumped({"dataframe_split": {"columns": ["a", "b"], "data": [[2.0, 1], [np.nan, 1]]}})

    assert [row.a for row in reader.invocations(JSON, body)] == [2, None]  # type: ignore[attr-defined]
    with pytest.raises(Refusal, match=r"^a: must be a whole number: 1 rows \(0\)$"):
        reader.invocations(JSON, dumped({"dataframe_records": [{"a": 2.5, "b": 1}]}))
    with pytest.raises(Refusal, match="b: must be a whole number"):
        reader.invocations(JSON, dumped({"dataframe_records": [{"a": 2.0, "b": 1.0}]}))


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "the body is empty"),
        (b"x", 400, "the body must be JSON: invalid character (byte 0)"),
        (b'{"rows": [', 400, "the body must be JSON: Input data was truncated"),
        (b'{"rows": []} x', 400, "the body must be JSON: trailing characters (byte 14)"),
        (b'{"rows": [{"month": NaN}]}', 400, "no NaN"),
        (b'{"rows": [{"month": 13, "wind": -Infinity}]}', 400, "no NaN and no Infinity"),
        (b'{"rows": [{"id": "\xff"}]}', 400, "the body must be UTF-8"),
        (b'\xef\xbb\xbf{"rows": []}', 400, "without a byte order mark"),
        ('{"rows": []}'.encode("utf-16"), 400, "without a byte order mark"),
        ('{"rows": []}'.encode("utf-16-le"), 400, "the body must be UTF-8"),
        ('{"rows": []}'.encode("utf-32-be"), 400, "the body must be UTF-8"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'{"rows": ' + b"[" * 100_000, 400, "nested too deeply"),
        (b'{"rows": [{"x": ' + b'{"a":' * 100_000, 400, "nested too deeply"),
        (b'{"columns": ' + b'{"a":' * 100_000, 400, "nested too deeply"),
        (b'{"rows": [{"id": "\\ud800"}]}', 400, "the body must be JSON"),
        (b"[]", 422, "the body must be {"),
        (b"null", 422, "the body must be {"),
        (b"{}", 422, "the body must be {"),
        (b'{"rows": {}}', 422, "the body must be {"),
        (b'{"rows": [], "more": 1}', 422, "the body must be {"),
        (b'{"rows": []}', 422, "one row at least"),
        (b'{"rows": [], "rows": [{}]}', 422, "rows is given twice"),
        (b'{"rows": [null, 1, []]}', 422, "must be an object: 3 rows (0, 1, 2)"),
        (b'{"columns": []}', 422, "the body must be {"),
        (b'{"columns": {}}', 422, "one row at least"),
        (b'{"columns": {"id": 1}}', 422, "the body must be {"),
        (b'{"columns": {"id": [1], "month": [1, 2]}}', 422, "the same number of values"),
        (b'{"columns": {"id": ["a"], "id": ["b"]}}', 422, "id: is given twice"),
        (b'{"columns": {"id": ["a"]}, "columns": {"id": ["b"]}}', 422, "columns is given twice"),
        (dumped({"rows": [{}] * (MOST + 1)}), 413, f"at most {MOST} rows"),
        (dumped({"columns": {"id": ["a"] * (MOST + 1)}}), 413, f"at most {MOST} rows"),
    ],
    ids=range(32),
)  # fmt: skip
def test_a_body_that_holds_no_rows_is_refused_with_the_reason(
    body: bytes, status: int, reason: str
) -> None:
    found, rules = refused(body)

    assert found == status
    assert len(rules) == 1
    assert reason in rules[0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "must have dataframe_split or dataframe_records"),
        (b'{"inputs": [[1]]}', "must have dataframe_split or dataframe_records"),
        (b'{"dataframe_split": {}, "dataframe_records": []}', "must have"),
        (b'{"dataframe_records": [], "more": 1}', "must have"),
        (b'{"dataframe_records": {}}', "must be a list of objects"),
        (b'{"dataframe_records": []}', "one row at least"),
        (b'{"dataframe_records": [1]}', "must be an object: 1 rows (0)"),
        (b'{"dataframe_split": []}', "dataframe_split must be {"),
        (b'{"dataframe_split": {"data": [[1]]}}', "dataframe_split must be {"),
        (b'{"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}', "a: is given twice"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', "a value for each column"),
        (b'{"dataframe_split": {"columns": ["a"], "data": []}}', "one row at least"),
        (b'{"dataframe_split": {"data": [[1]], "data": [[2]]}}', "data is given twice"),
    ],
)
def test_what_is_none_of_mlflows_formats_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        READER.invocations(JSON, body)

    assert caught.value.status == 422
    assert reason in str(caught.value)


@pytest.mark.parametrize("kind", ["", ";;;=", "application/x-www-form-urlencoded"])
def test_what_says_nothing_is_json(said: list[Row], kind: str) -> None:
    assert len(READER.read(kind, dumped({"rows": said}))) == len(said)


@pytest.mark.parametrize(
    "kind",
    [
        "text/csv",
        "application/vnd.apache.parquet",
        "application/json; charset=utf-16",
        "application/json;charset=latin-1",
    ],
)
def test_another_content_type_is_refused(said: list[Row], kind: str) -> None:
    body = dumped({"rows": said})
    status, (rule,) = refused(body, kind)

    assert status == 415
    assert "application/json" in rule or "utf-8" in rule


def test_a_name_that_is_given_twice_is_refused_however_it_is_written(said: list[Row]) -> None:
    whole = dumped({"rows": said[:3]})
    assert len(READER.read(JSON, whole)) == 3

    for old, new in (
        (b'"month": ', b'"month": 1, "month": '),
        (b'"month": ', b'"month": 1, "mon\\u0074h": '),
        (b'"month": ', b'"month": 99, "month": '),
    ):
        assert refused(whole.replace(old, new, 1)) == (422, ["month: is given twice: 1 rows (0)"])
    nested = whole.replace(b'"month": ', b'"month": {"a": 1, "a": 2}, "month": ', 1)
    assert refused(nested) == (422, ["month: is given twice: 1 rows (0)"])
    records = dumped({"dataframe_records": said[:3]}).replace(old, new, 1)
    with pytest.raises(Refusal, match=r"^month: is given twice: 1 rows \(0\)$"):
        READER.invocations(JSON, records)


@pytest.mark.parametrize("name", ["id", "month", "carrier", "destination", "distance", "wind"])
@pytest.mark.parametrize("half", ["\ud800", "EW\udfff", "\udc00\ud800"])
def test_half_of_a_pair_is_no_text(said: list[Row], name: str, half: str) -> None:
    row = said[0] | {name: half}
    columns = {name: [value] for name, value in row.items()}
    bodies = (
        {"dataframe_records": [row]},
        {"dataframe_split": {"columns": [*row], "data": [[*row.values()]]}},
    )
    for body in bodies:
        with pytest.raises(Refusal, match=f"^{name}: must "):
            READER.invocations(JSON, dumped(body))
    (rule,) = refused(dumped({"columns": columns}))[1]
    assert rule.startswith(f"{name}: must ")
    whole = said[0] | {"id": "\U0001f6eb"}
    assert kept(READER.invocations(JSON, dumped({"dataframe_records": [whole]}))) == [whole]


def test_a_text_may_hold_quotes(said: list[Row]) -> None:
    row = said[0] | {"id": '"":\\"'}

    assert kept(READER.read(JSON, dumped({"rows": [row]}))) == [row]


def test_huge_numbers_are_named_where_they_stand(said: list[Row]) -> None:
    body = dumped({"rows": said[:2]})
    for digits in (b"1e400", b"1" + b"0" * 400, b"9" * 5000, b"-" + b"9" * 5000):
        changed = body.replace(b'"month": ', b'"month": ' + digits + b', "x": ', 1)
        rules = [rule for rule in refused(changed)[1] if rule.startswith("month")]
        assert rules in (["month: must be a whole number: 1 rows (0)"],
                         ["month: must be at most 12: 1 rows (0)"],
                         ["month: must be at least 1: 1 rows (0)"])  # fmt: skip


def said_of(read: Callable[[str, bytes], Rows], body: bytes) -> tuple[int, list[str]]:
    try:
        read(JSON, body)
    except Refusal as refusal:
        return refusal.status, [error.rule for error in refusal.errors]
    return 200, []


MARKS = [b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"NaN", b"1e999", b"\\u", b"\xff"]
MARKS += [b"0", b"-", b"\\", b"\x00", b"9" * 400, b'"rows"', b'"id":1,', b"true", b" "]


@given(data=st.data())
def test_a_body_with_anything_in_it_is_read_or_refused(
    said: list[Row], data: st.DataObject
) -> None:
    """What is refused by the quick way is found wrong by the thorough one too."""
    row = data.draw(st.sampled_from(said))
    known = data.draw(
        st.sampled_from(
            [{"rows": [row]}, {"columns": {n: [v] for n, v in row.items()}},
             {"dataframe_records": [row]}]
        )
    )  # fmt: skip
    body = dumped(known)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body)))
        width = data.draw(st.integers(0, 4))
        body = body[:place] + data.draw(st.sampled_from(MARKS)) + body[place + width :]

    for read in (READER.read, READER.invocations):
        status, rules = said_of(read, body)
        assert status in (200, 400, 422)
        assert bool(rules) == (status != 200)
        assert "breaks the contract" not in rules


def test_a_long_text_without_an_end_takes_no_long_time() -> None:
    """Were each quote tried as a beginning, a megabyte would take hours."""
    body = b'{"dataframe_records": [NaN, "' + b'\\"' * 500_000

    with pytest.raises(Refusal, match=r"no NaN|must be JSON"):
        READER.invocations(JSON, body)
