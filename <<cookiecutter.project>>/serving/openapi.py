"""The service described: an OpenAPI document made from the contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class About:
    """What a service says of itself."""

    project: str
    description: str
    environment: str
    number: int  # of the deployment
    release: str  # its tree
    model: str  # its sha256
    target: str
    objective: str  # "binary": the answers are probabilities
    threshold: float | None
    rows: int  # of one request, at most
    request_kb: int
    keys: bool  # are API keys asked for?


def document(
    schema: dict[str, Any], examples: Sequence[dict[str, Any]], about: About
) -> dict[str, Any]:
    """The OpenAPI document; `schema` is `Contract.schema`, `examples` reports/examples.json."""
    raise NotImplementedError
