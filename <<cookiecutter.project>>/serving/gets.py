"""The questions that cost nothing: health, which release answers, and figures.

They ask for no key: who watches the service (a gateway, a deployment, Prometheus) needs no way to
its answers, and what they tell stands in git, for those who may read it, or says how it is. They
need no page either: what shows those is loaded when somebody looks.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from serving.service import Service

JSON = b"application/json"
Said = tuple[int, bytes, bytes]  # status, content type, body


class Gets:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.routes: Mapping[str, Callable[[bytes], Said]] = {
            "/health/live": self.live,
            "/health/ready": self.ready,
            "/ping": self.ready,  # as clients of `mlflow models serve` ask
            "/release": self.release,
            "/version": self.version,
            "/metrics": self.metrics,
        }

    def live(self, _: bytes) -> Said:
        return json(200, {"live": True})

    def ready(self, _: bytes) -> Said:
        """The model has proved itself before anybody could ask; while draining, ask others."""
        ready = not self.service.draining()
        return json(200 if ready else 503, {"ready": ready})

    def release(self, query: bytes) -> Said:
        proof = {"files": self.service.release.prove()} if query.startswith(b"prove") else {}
        return json(200, self.facts() | proof)

    def version(self, _: bytes) -> Said:
        return json(200, self.facts())

    def facts(self) -> dict[str, Any]:
        about = self.service.about
        return {
            "tree": about.release,
            "environment": about.environment,
            "number": about.number,
            "model_sha256": about.model,
            "started": self.service.started.isoformat(),
        }

    def metrics(self, _: bytes) -> Said:
        said, kind = self.service.metrics.exposition()
        return 200, kind.encode(), said


def json(status: int, said: object) -> Said:
    return status, JSON, msgspec.json.encode(said)
