"""A contract and its site that are not those of the example: pages must fit any."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.types import Message

from serving.about import About
from serving.explain import Explanation
from serving.page.pages import Site, routes
from serving.rows.contract import Contract

FIELDS: dict[str, dict[str, Any]] = {
    "serial": {"type": "string", "x-key": True, "x-unique": True, "description": "as engraved"},
    "kind": {"type": "string", "enum": ["lathe", "mill <2"]},
    "heat_inside": {"type": ["number", "null"], "minimum": -40.5, "maximum": 900, "x-unit": "°C"},
    "hours": {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
    "running": {"type": ["boolean", "null"]},
    "since": {"type": "string", "format": "date"},
    "place": {"type": "string", "pattern": "^[A-Z]{2}$"},
    "owner": {"type": "string", "x-private": True},
    "phone": {"type": ["string", "null"], "x-private": True},
    "<b>&": {"type": "number", "exclusiveMinimum": 0},
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "description": "A machine.",
    "properties": FIELDS,
    "required": list(FIELDS),
    "additionalProperties": False,
}
ROW: dict[str, Any] = {
    "serial": "it's 1",
    "kind": "mill <2",
    "heat_inside": None,
    "hours": 12000,
    "running": True,
    "since": "2020-01-31",
    "place": "NY",
    "owner": "hidden-owner",
    "phone": "hidden-phone",
    "<b>&": 0.5,
}
ABOUT = About(
    project="shop-floor",
    description="Which machine <i>fails</i> next?",
    environment="uat",
    number=3,
    release="ab" * 20,
    model="cd" * 32,
    target="fails",
    objective="binary",
    threshold=0.25,
    rows=500,
    request_kb=64,
    keys=False,
)


def site(**changes: Any) -> Site:
    """A site; `changes` are those of what it says of itself."""
    rows = [{**ROW, "serial": f"it's {place}"} for place in range(50)]
    return Site(
        about=replace(ABOUT, **changes),
        contract=Contract(SCHEMA),
        examples=[{"row": row, "prediction": place / 50} for place, row in enumerate(rows)],
        metrics={"model": {"roc_auc": 0.75}, "mean": {"roc_auc": 0.5}},
        card="# A card\n\n| a |\n|---|\n| 1 |\n\n<script>x</script> ![p](q.png) [l](javascript:x)",
        explanation=Explanation(0.2, 0.0, {"hours": -0.2}),
    )


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Client:
    """Asks the pages of a site, without a server between."""

    def __init__(self, site: Site) -> None:
        self.app = Starlette(routes=list(routes(site)))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        said = {"host": "127.0.0.1:8101", **(headers or {})}
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in said.items()],
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        head, *bodies = sent
        found = {name.decode(): value.decode() for name, value in head["headers"]}
        text = b"".join(body.get("body", b"") for body in bodies).decode()
        return Answer(head["status"], found, text)
