"""The pages of a service, made of what it holds."""

import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from serving import proof
from serving.page.pages import Site, routes
from serving.refusal import refusal
from serving.service import Service

METRICS = Path("reports/metrics.json")
CARD = Path("reports/model-card.md")


def app(service: Service, known: list[dict[str, Any]]) -> Starlette:
    """`known` are the release's examples, the first of which is explained."""
    contract = service.contract
    first = contract.columns(proof.rows(known[:1], contract))
    site = Site(
        about=service.about,
        contract=contract,
        examples=known,
        metrics=json.loads(service.release.other(METRICS) or "{}"),
        card=service.release.other(CARD) or "",
        explanation=service.explainer()(first),
    )
    return Starlette(routes=routes(site), exception_handlers={HTTPException: refused})


async def refused(_: Request, error: Exception) -> Response:
    """A path that is not there, or another method, in the form of every refusal."""
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls it for no other
    said = refusal(error.status_code, error.detail).as_dict()
    return JSONResponse(said, error.status_code, headers=dict(error.headers or {}))
