"""What a service can be asked, route by route: the paths of its OpenAPI document."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from serving.about import About
from serving.explain import Explanation
from serving.page.statuses import KEYS, REFUSED, Json


def paths(
    examples: Sequence[Mapping[str, Any]], about: About, explanation: Explanation | None
) -> Json:
    """Every route; `examples` are recorded rows with their predictions, the first explained."""
    rows = [example["row"] for example in examples]
    first = list(rows[0]) if rows else []
    predictions = [example["prediction"] for example in examples]
    answer: Json = {
        "release": about.release,
        "model": about.model,
        "predictions": predictions,
        "ids": [f"{about.release[:16]}{place:08x}" for place in range(len(rows))],
    }
    if about.threshold is not None:
        answer["decisions"] = [value >= about.threshold for value in predictions]
    who = {name: answer[name] for name in ("release", "model")}
    explained = {**who, **asdict(explanation)} if explanation else None
    data = [[row[name] for name in first] for row in rows]
    columns = {name: [row[name] for row in rows] for name in first}
    ask = {"Rows": {"rows": rows}, "Columns": {"columns": columns}}
    invoke = {
        "Split": {"dataframe_split": {"columns": first, "data": data}},
        "Records": {"dataframe_records": rows},
    }
    labels = {"labels": [{"id": answer["ids"][0], "label": 1}]} if rows else {"labels": []}
    return {
        "/predict": {
            "post": operation(
                about,
                "Predict",
                "Rows, or columns, or an Arrow IPC stream, whose columns are named as the fields.",
                body(ask, arrow=True),
                {200: answered("The predictions.", "Predictions", answer)},
            )
        },
        "/explain": {
            "post": operation(
                about,
                "Explain",
                "What drove the prediction for one row: what each field adds to the mean answer.",
                body(
                    {
                        "OneRow": {"rows": rows[:1]},
                        "OneRowOfColumns": {
                            "columns": {n: held[:1] for n, held in columns.items()}
                        },
                    },
                    arrow=True,
                ),
                {200: answered("The contributions.", "Explanation", explained)},
            )
        },
        "/feedback": {
            "post": operation(
                about,
                "Feedback",
                "What came true, by the prediction's id: later, in any order, corrected or not.",
                body({"Labels": labels}),
                {202: answered("How many labels are kept.", "Kept", {"labels": 1})},
                never=(415,),
            )
        },
        "/invocations": {
            "post": operation(
                about,
                "Predict in MLflow's format",
                "As `mlflow models serve` answers, for its clients.",
                body(invoke),
                {200: answered("The predictions.", "Invoked", {"predictions": predictions})},
            )
        },
        **told(about),
    }


def told(about: About) -> Json:
    """The routes that are read."""
    facts = {"type": "object", "properties": {"tree": {"type": "string"}}}
    release = {
        "tree": about.release,
        "environment": about.environment,
        "number": about.number,
        "model_sha256": about.model,
    }
    word = {"text/plain": {"schema": {"type": "string"}}}
    page = {"text/html": {"schema": {"type": "string"}}}
    return {
        "/health/live": read("Is the process alive?", json({"type": "object"}, {"live": True})),
        "/health/ready": read(
            "Is it ready? 503 while it is not.",
            json({"type": "object"}, {"ready": True}),
            {503: {"description": "Not yet, or no more.", "content": json({"type": "object"})}},
        ),
        "/ping": read(
            "The same, as clients of `mlflow models serve` ask.",
            json({"type": "object"}, {"ready": True}),
            {503: {"description": "Not yet, or no more.", "content": json({"type": "object"})}},
        ),
        "/release": read(
            "Which release answers; `?prove` adds the sha256 of each of its files.",
            json(facts, release),
        ),
        "/version": read("Which release answers.", json(facts, release)),
        "/metrics": read("Figures for Prometheus.", word),
        "/openapi.json": read("This document.", json({"type": "object"})),
        "/docs": read("This document, to read.", page),
        "/model-card": read("What the model is for, and how good it is.", page),
        "/": read("A form to try the model on.", page),
    }


def operation(
    about: About,
    summary: str,
    text: str,
    asked: Json,
    said: Mapping[int, Json],
    never: Sequence[int] = (),
) -> Json:
    refused = {
        str(status): {"$ref": f"#/components/responses/{name}"}
        for status, (name, _) in REFUSED.items()
        if status not in never and (status != 401 or about.keys)
    }
    named = {
        "name": "X-Request-ID",
        "in": "header",
        "schema": {"type": "string"},
        "description": "a name for the log: up to 64 letters, digits, dots, underscores or dashes",
    }
    return {
        "summary": summary,
        "operationId": summary.lower().replace(" ", "-").replace("'", ""),
        "description": text,
        "parameters": [named],
        "requestBody": asked,
        "responses": {str(status): answer for status, answer in said.items()} | refused,
        **({"security": [{name: []} for name in KEYS]} if about.keys else {}),
    }


def read(summary: str, content: Json, others: Mapping[int, Json] | None = None) -> Json:
    """A route that is asked by GET."""
    found = {"200": {"description": summary, "content": content}}
    more = {str(status): answer for status, answer in (others or {}).items()}
    return {"get": {"summary": summary, "responses": found | more}}


def body(examples: Mapping[str, Any], *, arrow: bool = False) -> Json:
    """A body of one of these schemas, with an example of each."""
    choices = [{"$ref": f"#/components/schemas/{name}"} for name in examples]
    content: Json = {
        "application/json": {
            "schema": choices[0] if len(choices) == 1 else {"oneOf": choices},
            "examples": {name: {"value": value} for name, value in examples.items()},
        }
    }
    if arrow:
        content["application/vnd.apache.arrow.stream"] = {}
    return {"required": True, "content": content}


def answered(text: str, schema: str, example: Any) -> Json:
    content = json({"$ref": f"#/components/schemas/{schema}"}, example)
    headers = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
    return {"description": text, "headers": headers, "content": content}


def json(schema: Json, example: Any = None) -> Json:
    return {
        "application/json": {"schema": schema, **({} if example is None else {"example": example})}
    }
