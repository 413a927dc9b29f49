"""The document is valid OpenAPI, its examples keep their schemas, and it hides what is private."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from jsonschema_rs import Draft202012Validator, meta

from pipeline import files, jsonschema, schemas
from serving.page import openapi, statuses
from serving.rows.contract import Contract
from tests.serving import sites

POSTS = ["/predict", "/explain", "/feedback", "/invocations"]


def document(**changes: Any) -> dict[str, Any]:
    site = sites.site(**changes)
    return openapi.document(site.contract, site.examples, site.about, site.explanation)


def media(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every description of a body, asked or answered."""
    for path in found["paths"].values():
        for said in path.values():
            for body in [said.get("requestBody", {}), *said["responses"].values()]:
                yield from body.get("content", {}).values()


def check(found: dict[str, Any]) -> None:
    """Valid by the schema of OpenAPI 3.1, its schemas by theirs, its examples by its schemas."""
    schemathesis.openapi.from_dict(found).validate()
    checked = 0
    for one in media(found):
        schema = {**one.get("schema", {}), "components": found["components"]}
        meta.validate({"$schema": jsonschema.DIALECT, **schema})
        values = [each["value"] for each in one.get("examples", {}).values()]
        for value in values + ([one["example"]] if "example" in one else []):
            Draft202012Validator(schema).validate(value)
            checked += 1
    assert checked >= 12


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize(("objective", "threshold"), [("binary", 0.35), ("regression", None)])
def test_the_document_of_the_example_is_valid_and_so_are_its_examples(
    bundle: Path, keys: bool, objective: str, threshold: float | None
) -> None:
    contract = Contract(jsonschema.of(schemas.Raw, ["late"]))
    examples = files.read_json(bundle / files.EXAMPLES)
    site = sites.site(keys=keys, objective=objective, threshold=threshold)

    check(openapi.document(contract, examples, site.about, site.explanation))


def test_another_contract_and_none_to_show_are_described_as_well() -> None:
    site = sites.site()

    schemathesis.openapi.from_dict(document()).validate()
    schemathesis.openapi.from_dict(openapi.document(site.contract, [], site.about)).validate()


def test_a_row_is_described_by_the_contract_itself() -> None:
    found = document()["components"]["schemas"]["Row"]

    assert found == {name: said for name, said in sites.SCHEMA.items() if name != "$schema"}


def test_examples_hold_nothing_private() -> None:
    said = json.dumps(document())

    assert "hidden-owner" not in said
    assert "hidden-phone" not in said
    rows = document()["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert rows["examples"]["Rows"]["value"]["rows"][0]["phone"] is None
    assert "owner" not in rows["examples"]["Rows"]["value"]["rows"][0]


@pytest.mark.parametrize("path", POSTS)
def test_each_refusal_has_its_schema(path: str) -> None:
    responses = document(keys=True)["paths"][path]["post"]["responses"]

    for status in statuses.REFUSED.keys() - {415}:
        assert responses[str(status)]["$ref"].startswith("#/components/responses/")
    for one in document()["components"]["responses"].values():
        schema = one["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Errors"}
        assert "X-Request-ID" in one["headers"]


def test_later_is_said_with_when() -> None:
    responses = document()["components"]["responses"]

    assert {name for name, one in responses.items() if "Retry-After" in one["headers"]} == {
        "TooMany",
        "Away",
    }


def test_keys_are_asked_for_where_they_are() -> None:
    with_keys, without = document(keys=True), document()

    assert with_keys["paths"]["/predict"]["post"]["security"] == [{"bearer": []}, {"header": []}]
    assert "401" in with_keys["paths"]["/predict"]["post"]["responses"]
    assert "security" not in with_keys["paths"]["/docs"]["get"]
    assert "security" not in without["paths"]["/predict"]["post"]
    assert "401" not in without["paths"]["/predict"]["post"]["responses"]


def test_limits_and_threshold_are_said() -> None:
    found = document()

    assert "500 rows and 64 KB" in found["info"]["description"]
    assert "From 0.25 on" in found["info"]["description"]
    assert found["components"]["schemas"]["Rows"]["properties"]["rows"]["maxItems"] == 500
    answer = found["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]
    assert answer["example"]["decisions"] == [False, False]


def test_a_value_is_no_probability() -> None:
    found = document(objective="regression", threshold=None)
    number = found["components"]["schemas"]["Predictions"]["properties"]["predictions"]["items"]
    answer = found["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]

    assert number == {"type": "number"}
    assert "probability" not in found["info"]["description"]
    assert "decisions" not in answer["example"]
