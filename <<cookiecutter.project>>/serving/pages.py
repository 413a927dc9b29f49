"""The pages of a service for people: the form, the documentation, the model card."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from serving.about import About
from serving.contract import Contract
from serving.explain import Explanation


@dataclass(frozen=True)
class Site:
    """What the pages show.

    The form asks `POST /predict` with {"rows": [row]}, then `POST /explain` with the same, which
    answers {"release", "model", "base", "prediction", "contributions": {field: number}}.
    """

    about: About
    contract: Contract
    examples: Sequence[dict[str, Any]]  # reports/examples.json
    metrics: dict[str, dict[str, float]]  # reports/metrics.json; {} without
    card: str  # reports/model-card.md; "" without
    explanation: Explanation | None = None  # of the first example


def routes(site: Site) -> list[Route]:
    """`/`, `/docs`, `/openapi.json`, `/model-card` and `/page/<asset>`; all is made once, here."""
    raise NotImplementedError
