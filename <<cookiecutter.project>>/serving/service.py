"""What one process answers with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from serving.about import About
from serving.batch import Batcher
from serving.explain import Explainer
from serving.keys import Keys
from serving.metrics import Metrics
from serving.predictions.log import Log
from serving.predictions.nolog import NoLog
from serving.release import Release
from serving.rows.contract import Contract
from serving.rows.reader import Reader
from serving.settings import Limits


@dataclass(frozen=True)
class Service:
    release: Release
    about: About
    contract: Contract
    reader: Reader
    batcher: Batcher
    explainer: Callable[[], Explainer]  # made when it is first asked for
    log: Log | NoLog
    hash_key: bytes  # of private fields in the log
    metrics: Metrics
    keys: Keys | None  # none are asked for
    limits: Limits
    started: datetime
    draining: Callable[[], bool]
