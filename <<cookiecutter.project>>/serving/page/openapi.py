"""The service described: an OpenAPI document made from the contract.

A row's schema is the contract itself, so what is documented is what is checked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.about import About
from serving.explain import Explanation
from serving.page import operations, statuses
from serving.rows.contract import Contract

VERSION = "3.1.0"  # the first whose schemas are JSON Schema as the contract is
SHOWN = 2  # rows of an example: one would hide that several may be asked at once


def document(
    contract: Contract,
    examples: Sequence[Mapping[str, Any]],
    about: About,
    explanation: Explanation | None = None,
) -> dict[str, Any]:
    """The OpenAPI document; `examples` are those of reports/examples.json, the first explained."""
    answered = [
        {"row": public(contract.schema, each["row"]), "prediction": each["prediction"]}
        for each in examples[:SHOWN]
    ]
    return {
        "openapi": VERSION,
        "info": {
            "title": about.project,
            "version": about.release[:12],
            "description": introduction(about),
        },
        "servers": [{"url": ".", "description": f"environment {about.environment}"}],
        "paths": operations.paths(answered, about, explanation),
        "components": {
            "schemas": schemas(contract, about),
            "responses": statuses.RESPONSES,
            "headers": statuses.HEADERS,
            **({"securitySchemes": statuses.KEYS} if about.keys else {}),
        },
    }


def public(schema: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded row without what the contract marks private: unknown, or left out."""
    said = schema["properties"]
    return {
        name: None if said[name].get("x-private") else value
        for name, value in row.items()
        if not said[name].get("x-private") or "null" in said[name]["type"]
    }


def introduction(about: About) -> str:
    answers = (
        f"Each answer is the probability of `{about.target}`, from 0 to 1."
        if about.objective == "binary"
        else f"Each answer is the value of `{about.target}` that is expected."
    )
    said = about.description + ("" if about.description.endswith((".", "?", "!")) else ".")
    sentences = [said, answers] if about.description else [answers]
    if about.threshold is not None:
        sentences.append(f"From {about.threshold:g} on, it counts as a yes.")
    sentences.append(
        f"A request has at most {about.rows:,} rows and {about.request_kb:,} KB; what is larger is "
        "refused before it is read."
    )
    return " ".join(sentences)


def schemas(contract: Contract, about: About) -> dict[str, Any]:
    row = {name: held for name, held in contract.schema.items() if name != "$schema"}
    kept = {"type": "integer", "minimum": 1}
    return {
        "Row": row,
        "Rows": rows(about.rows),
        "OneRow": rows(1),
        "Columns": columns(row, about.rows),
        "OneRowOfColumns": columns(row, 1),
        **invocations(row, about.rows),
        **answers(about),
        "Labels": labels(about.rows),
        "Kept": shape({"labels": kept}, open=True),
        "Errors": statuses.ERRORS,
    }


def rows(most: int) -> dict[str, Any]:
    return shape({"rows": several(reference("Row"), most)})


def columns(row: Mapping[str, Any], most: int) -> dict[str, Any]:
    lists = {name: several(said, most) for name, said in row["properties"].items()}
    text = "one list of values each, all of one length"
    return shape({"columns": shape(lists, description=text)})


def invocations(row: Mapping[str, Any], most: int) -> dict[str, Any]:
    """MLflow's formats that name their columns; its `index` and `params` are not looked at."""
    known = row["properties"]
    split = {
        "columns": {
            **listed([{"const": name} for name in known]),
            "description": "in the order of the contract here; any other is taken as well",
        },
        "index": {},
        "data": several({**listed(list(known.values())), "description": "as `columns` says"}, most),
    }
    records = several(reference("Row"), most)
    return {
        "Split": shape(
            {"dataframe_split": shape(split, optional=["index"]), "params": {}}, optional=["params"]
        ),
        "Records": shape({"dataframe_records": records, "params": {}}, optional=["params"]),
    }


def answers(about: About) -> dict[str, Any]:
    number: dict[str, Any] = {"type": "number"}
    if about.objective == "binary":
        number = {"type": "number", "minimum": 0, "maximum": 1}
    numbers = {"type": "array", "items": number, "description": "one for each row, in their order"}
    release = {
        "release": {"type": "string", "description": "the git tree that answered"},
        "model": {"type": "string", "description": "the sha256 of its model"},
    }
    predictions = {
        **release,
        "predictions": numbers,
        "decisions": {
            "type": "array",
            "items": {"type": "boolean"},
            "description": f"is it `{about.target}`? absent where no threshold is set",
        },
        "ids": {
            "type": "array",
            "items": {"type": "string"},
            "description": "of the predictions, to say later what came true",
        },
    }
    explanation = {
        **release,
        "base": {**number, "description": "the mean answer for recorded rows"},
        "prediction": {**number, "description": "`base` and all contributions added up"},
        "contributions": {
            "type": "object",
            "additionalProperties": {"type": "number"},
            "description": "by field: Shapley values, in the unit of the prediction",
        },
    }
    return {
        "Predictions": shape(predictions, optional=["decisions"], open=True),
        "Invoked": shape({"predictions": numbers}, open=True),
        "Explanation": shape(explanation, open=True),
    }


def labels(most: int) -> dict[str, Any]:
    label = {
        "id": {
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{1,64}$",
            "description": "one of `ids` of an answer",
        },
        "label": {"type": ["number", "boolean"], "description": "what came true"},
        "at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "when it was known; of several, the newest holds",
        },
    }
    return shape({"labels": several(shape(label, optional=["at"]), most)})


def listed(places: list[Any]) -> dict[str, Any]:
    """An array of one value for each place."""
    count = len(places)
    return {"type": "array", "prefixItems": places, "minItems": count, "maxItems": count}


def several(items: Mapping[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": most, "items": dict(items)}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def shape(
    properties: dict[str, Any],
    *,
    optional: Sequence[str] = (),
    open: bool = False,
    description: str = "",
) -> dict[str, Any]:
    """An object of these properties, and of no others unless it is open."""
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": properties,
        **({} if open else {"additionalProperties": False}),
        **({"description": description} if description else {}),
    }
