"""The pages of a service for people: the form, the documentation, the model card."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from serving.openapi import About


@dataclass(frozen=True)
class Site:
    """What the pages show.

    The form asks `POST /predict` with {"rows": [row]}, then `POST /explain` with the same, which
    answers {"release", "model", "base", "prediction", "contributions": {field: number}}.
    """

    about: About
    schema: dict[str, Any]  # Contract.schema
    examples: Sequence[dict[str, Any]]  # reports/examples.json
    metrics: dict[str, dict[str, float]]  # reports/metrics.json; {} without
    card: str  # reports/model-card.md; "" without


def routes(site: Site) -> list[Route]:
    """`/`, `/docs`, `/openapi.json`, `/model-card` and `/page/<asset>`; all is made once, here."""
    raise NotImplementedError
