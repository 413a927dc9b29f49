"""The four questions that a service answers over HTTP."""

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.contract import Broken, Contract
from serving.model import Predictor
from serving.release import Release


class Wrong(Exception):
    """A request that can't be answered."""

    def __init__(self, status: int, **body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


@dataclass(frozen=True)
class Service:
    """What one process answers with."""

    release: Release
    predictor: Predictor
    contract: Contract
    environment: str
    number: int
    started: datetime
    limit: int  # bytes of a request
    draining: Callable[[], bool]

    def app(self) -> ASGIApp:
        routes = [
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
            Route("/release", self.about),
            Route("/predict", self.predict, methods=["POST"]),
        ]
        return closing(Starlette(routes=routes), self.draining)

    async def live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(self, _: Request) -> Response:
        """The model was loaded before anybody could ask; while draining, others should be asked."""
        ready = not self.draining()
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def about(self, request: Request) -> Response:
        proof = {"files": self.release.prove()} if "prove" in request.query_params else {}
        return JSONResponse(
            {
                "tree": self.release.tree,
                "environment": self.environment,
                "number": self.number,
                "model_sha256": self.release.model_sha256,
                "started": self.started.isoformat(),
                **proof,
            }
        )

    async def predict(self, request: Request) -> Response:
        try:
            rows = decoded(await self.body(request))
            answers = self.predictor(self.contract.frame(rows))
        except Wrong as wrong:
            return JSONResponse(wrong.body, wrong.status)
        except Broken as broken:
            errors = [violation.as_dict() for violation in broken.violations]
            return JSONResponse({"errors": errors}, 422)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            report(error)
            return JSONResponse({"error": "a fault of the service; its log says where"}, 500)
        return JSONResponse({"release": self.release.tree, "predictions": answers})

    async def body(self, request: Request) -> bytes:
        """What was sent; one byte too many and the rest is not read."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self.limit:
                rule = f"at most {self.limit} bytes; send the rows in several requests"
                raise Wrong(413, error=rule)
        return bytes(body)


def decoded(body: bytes) -> list[dict[str, Any]]:
    """The rows of a request, of any content yet."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Wrong(400, error="the body must be JSON") from None
    if not isinstance(found, dict) or found.keys() != {"rows"}:
        raise Wrong(422, error='the body must be {"rows": [{…}, …]}')
    rows = found["rows"]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Wrong(422, error="rows: must be a list of objects, at least one")
    return rows


def report(error: Exception) -> None:
    """Where it happened, without its message: libraries quote values of rows in theirs."""
    where = "".join(traceback.format_tb(error.__traceback__))
    print(f"{type(error).__name__} in a prediction:\n{where}", file=sys.stderr, flush=True)


def closing(app: ASGIApp, draining: Callable[[], bool]) -> ASGIApp:
    """While draining, tell each client to connect anew: it then reaches the next process."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and draining():
                message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
            await send(message)

        await app(scope, receive, told)

    return wrapped
