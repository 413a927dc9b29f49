"""The questions that cost nothing: health, which release answers, figures, and the pages.

They ask for no key: who watches the service (a gateway, a deployment, Prometheus) needs no way to
its answers, and what they tell stands in git, for those who may read it, or says how it is.
"""

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from serving.posts import Posts
from serving.refusal import refusal
from serving.service import Service


class Gets:
    def __init__(self, service: Service, posts: Posts) -> None:
        self.service, self.posts = service, posts

    def app(self, pages: Sequence[BaseRoute]) -> Starlette:
        routes = [
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
            Route("/ping", self.ready),  # as clients of `mlflow models serve` ask
            Route("/release", self.about),
            Route("/version", self.version),
            Route("/metrics", self.metrics),
            # They never come here by POST: what comes is told the right way.
            *(Route(path, self.live, methods=["POST"]) for path in self.posts.routes),
            *pages,
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: refused})

    async def live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(self, _: Request) -> Response:
        """The model has proved itself before anybody could ask; while draining, ask others."""
        ready = not self.service.draining()
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def about(self, request: Request) -> Response:
        proof = {"files": self.service.release.prove()} if "prove" in request.query_params else {}
        return JSONResponse(self.facts() | proof)

    async def version(self, _: Request) -> Response:
        return JSONResponse(self.facts())

    def facts(self) -> dict[str, Any]:
        about = self.service.about
        return {
            "tree": about.release,
            "environment": about.environment,
            "number": about.number,
            "model_sha256": about.model,
            "started": self.service.started.isoformat(),
        }

    async def metrics(self, _: Request) -> Response:
        said, kind = self.service.metrics.exposition()
        return Response(said, headers={"content-type": kind})


async def refused(_: Request, error: Exception) -> Response:
    """A path that is not there, or another method, in the form of every refusal."""
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls it for no other
    said = refusal(error.status_code, error.detail).as_dict()
    return JSONResponse(said, error.status_code, headers=dict(error.headers or {}))
