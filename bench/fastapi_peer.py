"""The same model behind FastAPI and pydantic, as one writes it who takes care.

    uvicorn fastapi_peer:app --app-dir bench     # in a trained project

The row's model holds the contract's types, ranges and choices; the handler is a coroutine, as a
thread for each request takes longer than the model; the answer needs no second model.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

sys.path.insert(0, str(Path.cwd()))

from fastapi import FastAPI
from pipeline import encoding, features, files, model
from pydantic import BaseModel, ConfigDict, Field, create_model

TYPES = {"integer": int, "number": float, "string": str, "boolean": bool}
RULES = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}


def field(said: dict[str, Any]) -> Any:
    types = said["type"] if isinstance(said["type"], list) else [said["type"]]
    (name,) = (one for one in types if one != "null")
    rules = {
        word: said[key] for key, word in (RULES | {"pattern": "pattern"}).items() if key in said
    }
    choices = tuple(one for one in said.get("enum", ()) if one is not None)
    kind: Any = Literal[choices] if choices else Annotated[TYPES[name], Field(**rules)]
    return kind | None if "null" in types else kind


properties = json.loads(files.CONTRACT.read_text())["properties"]
Row = create_model(
    "Row",
    __config__=ConfigDict(extra="forbid"),
    **{name: (field(said), ...) for name, said in properties.items()},
)


class Rows(BaseModel):
    rows: list[Row]  # type: ignore[valid-type]


class Predictions(BaseModel):
    predictions: list[float]
    decisions: list[bool]


app = FastAPI()
loaded, encodings = model.load(1), encoding.read()
threshold = json.loads(files.DECISION.read_text())["threshold"]
numbers = {name for name, said in properties.items() if "number" in said["type"]}
NAN = float("nan")


@app.get("/ready")
async def ready() -> None:
    pass


@app.post("/predict")
async def predict(asked: Rows) -> Predictions:
    columns = {name: [getattr(row, name) for row in asked.rows] for name in properties}
    for name in numbers:
        columns[name] = [NAN if value is None else value for value in columns[name]]
    answers = loaded.predict(features.matrix(columns, encodings)).tolist()
    return Predictions(predictions=answers, decisions=[one >= threshold for one in answers])
