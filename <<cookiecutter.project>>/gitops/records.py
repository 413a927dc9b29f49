"""What the tags hold. Each is an annotated tag whose message is one of these as JSON.

They form a chain: `deployed/<env>/<n>` points at the tag object of `deploy/<env>/<n>`, which
points at the tag object of `release/<tree>`, which points at the commit. A record that was
replaced no longer hangs in the chain of those who used it; one that was deleted is still held
by it. `forced/<env>/<tree>` stands beside the chain: it points at a release's tag object.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from gitops.settings import Strict

SHORT = 12  # digits of a tree in names: more than a repository of any size needs to be unique

Sha1 = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# A tag can be moved; a digest can't.
Image = Annotated[str, Field(pattern=r"^[^@\s]+@sha256:[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=1)]


class Model(Strict):
    sha256: Sha256  # of models/model.onnx
    files: dict[str, Sha256]  # everything that the service opens, by path
    version: Number | None  # in the registry; none when it could not be reached
    run: str | None  # the training's, in MLflow


class Release(Strict):
    version: Literal[1] = Field(default=1, alias="schema")
    tree: Sha1
    commit: Sha1
    lock_sha256: Sha256
    model: Model
    data: dict[str, str]  # md5 of each output in dvc.lock, by path
    metrics: dict[str, float]  # on the holdout
    image: Image | None  # repository@digest; none where no environment runs images
    skipped: tuple[str, ...]  # environments that a hotfix passes by
    by: str
    created: datetime
    url: str | None  # of the workflow's run

    @property
    def name(self) -> str:
        return self.tree[:SHORT]


class Waiver(Strict):
    """Leave, by hand, to deploy a release where the rules would not: `forced/<env>/<tree>`."""

    version: Literal[1] = Field(default=1, alias="schema")
    environment: str
    tree: Sha1
    by: str
    created: datetime


class Intent(Strict):
    version: Literal[1] = Field(default=1, alias="schema")
    environment: str
    number: Number
    tree: Sha1
    commit: Sha1  # the tip of the environment's branch
    worker: str  # one attempt of one process: two never write the same record
    forced: bool  # by a waiver
    by: str
    created: datetime
    url: str | None


class Evidence(Strict):
    """What was seen of a deployment."""

    release: str  # the tree whose files serve
    model_sha256: str
    rows: int  # whose answers were compared
    difference: float | None  # the largest, between an answer and the recorded prediction


class Outcome(Strict):
    version: Literal[1] = Field(default=1, alias="schema")
    environment: str
    number: Number
    tree: Sha1
    result: Literal["healthy", "failed"]
    reason: str | None  # why it failed
    touched: bool  # false: what serves is equal, and was left alone
    evidence: Evidence | None
    worker: str
    created: datetime
