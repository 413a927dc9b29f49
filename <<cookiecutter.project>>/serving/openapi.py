"""The service described: an OpenAPI document made from the contract.

A row's schema is the contract itself, so what is documented is what is checked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from serving import operations
from serving.about import About
from serving.contract import Contract
from serving.explain import Explanation

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
            "responses": operations.RESPONSES,
            "headers": operations.HEADERS,
            **({"securitySchemes": {"key": operations.KEY}} if about.keys else {}),
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
    said = about.description.rstrip(".")
    sentences = [f"{said}.", answers] if said else [answers]
    if about.threshold is not None:
        sentences.append(f"From {about.threshold:g} on, it counts as a yes.")
    sentences.append(
        f"A request has at most {about.rows:,} rows and {about.request_kb:,} KB; what is larger is "
        "refused before it is read."
    )
    return " ".join(sentences)


def schemas(contract: Contract, about: About) -> dict[str, Any]:
    row = {name: held for name, held in contract.schema.items() if name != "$schema"}
    rows = {"type": "array", "minItems": 1, "maxItems": about.rows, "items": reference("Row")}
    columns = {
        name: {"type": "array", "minItems": 1, "maxItems": about.rows, "items": schema}
        for name, schema in row["properties"].items()
    }
    numbers = {"type": "array", "items": {"type": "number"}}
    if about.objective == "binary":
        numbers = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}}
    names = {"type": "array", "items": {"enum": list(columns)}, "minItems": len(columns)}
    release = {
        "release": {"type": "string", "description": "the git tree that answered"},
        "model": {"type": "string", "description": "the sha256 of its model"},
    }
    return {
        "Row": row,
        "Rows": shape({"rows": rows}),
        "Columns": shape(
            {"columns": shape(columns, description="one list of values each, all of one length")}
        ),
        "Records": shape({"dataframe_records": rows}),
        "Split": shape(
            {
                "dataframe_split": shape(
                    {
                        "columns": {**names, "uniqueItems": True},
                        "index": {"type": "array"},
                        "data": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": about.rows,
                            "items": {"type": "array", "description": "values as `columns` says"},
                        },
                    },
                    optional=["index"],
                )
            }
        ),
        "Predictions": shape(
            {
                **release,
                "predictions": {**numbers, "description": "one for each row, in their order"},
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
            },
            optional=["decisions"],
            open=True,
        ),
        "Invoked": shape({"predictions": numbers}, open=True),
        "Explanation": shape(
            {
                **release,
                "base": {"type": "number", "description": "the mean answer for recorded rows"},
                "prediction": {
                    "type": "number",
                    "description": "`base` and all contributions added up",
                },
                "contributions": {
                    "type": "object",
                    "additionalProperties": {"type": "number"},
                    "description": "by field: Shapley values, in the unit of the prediction",
                },
            },
            open=True,
        ),
        **operations.SCHEMAS,
    }


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
