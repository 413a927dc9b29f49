"""What a service says of itself, in its documents and on its pages."""

from dataclasses import dataclass


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
