"""A service put together from the files of its release."""

import json
import os
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from pipeline import files
from pipeline.stage import StageError
from serving import keys, model, proof, ranges
from serving.about import About
from serving.app import App
from serving.batch import Batcher
from serving.explain import Explainer
from serving.metrics import Metrics
from serving.predictions import log
from serving.predictions.log import Log
from serving.predictions.nolog import NoLog
from serving.release import Release
from serving.rows.contract import Contract
from serving.rows.reader import Reader
from serving.service import Service
from serving.settings import Settings

STATISTICS = Path("reports/statistics.json")
DATABASE = "predictions.db"


def service(
    release: Release,
    settings: Settings,
    environment: str,
    number: int,
    state: Path | None,
    draining: Callable[[], bool],
) -> tuple[Service, list[dict[str, Any]]]:
    """A service whose model has answered the examples rightly, and those.

    Raises:
        StageError: a file is none of ours, or the model answers otherwise than when it was judged.
    """
    contract = Contract(release.json(files.CONTRACT))
    predictor = model.load(release)
    known = proof.examples(release)
    proof.check(known, contract, predictor)
    keys_file = os.environ.get("API_KEYS_FILE")
    about = described(release, settings, environment, number, keys=bool(keys_file))
    kept = predictions(state, settings, about)
    statistics = json.loads(release.other(STATISTICS) or "{}")
    numbers = {field.name for field in contract.fields if field.dtype is not None}
    bounds = {name: bound for name, bound in ranges.bounds(statistics).items() if name in numbers}
    metrics = Metrics(
        {"release": release.tree, "model": release.model_sha256, "environment": environment},
        contract.names,
        about.threshold,
        ranges.Ranges(bounds),
        {
            "log_waiting": ("Not in the database yet", lambda: kept.waiting),
            "log_dropped": ("Kept nowhere", lambda: kept.dropped),
        },
    )

    @cache
    def explainer() -> Explainer:
        fields = [field.name for field in contract.fields if not field.key]
        return Explainer(predictor, contract.columns(proof.rows(known, contract)), fields)

    found = Service(
        release=release,
        about=about,
        contract=contract,
        reader=Reader(contract, settings.limits.rows),
        batcher=Batcher(contract.columns, predictor, metrics.inferred),
        explainer=explainer,
        log=kept,
        hash_key=told("LOG_HASH_KEY").encode(),
        metrics=metrics,
        keys=keys.read(Path(keys_file)) if keys_file else None,
        limits=settings.limits,
        started=datetime.now(UTC),
        draining=draining,
    )
    return found, known


def described(
    release: Release, settings: Settings, environment: str, number: int, *, keys: bool
) -> About:
    """What the service says of itself.

    Raises:
        StageError: models/decision.json or pyproject.toml is none of ours.
    """
    try:
        project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
        decision: Any = release.json(files.DECISION)
        threshold = decision["threshold"]
        return About(
            project=project["name"],
            description=project["description"],
            environment=environment,
            number=number,
            release=release.tree,
            model=release.model_sha256,
            target=decision["target"],
            objective=decision["objective"],
            threshold=None if threshold is None else float(threshold),
            rows=settings.limits.rows,
            request_kb=settings.limits.request_kb,
            keys=keys,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(
            f"{files.DECISION} or pyproject.toml: not of a release ({type(error).__name__})"
        ) from None


def predictions(state: Path | None, settings: Settings, about: About) -> Log | NoLog:
    """The log of predictions, where there is a place to keep it."""
    if state is None:
        return NoLog()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine = log.About(about.release, about.environment, about.number, about.threshold)
    url = told("PREDICTION_LOG_URL") or f"sqlite:///{state.absolute()}/{DATABASE}"
    return Log(url, state / "spool", settings.log, mine)


def told(name: str) -> str:
    """A variable, or what the file holds that NAME_FILE names: a file stands in no list of them.

    Raises:
        StageError: the file can't be read.
    """
    path = os.environ.get(f"{name}_FILE")
    if os.environ.get(name) or not path:
        return os.environ.get(name, "")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise StageError(f"{name}_FILE: {path}: {error.strerror}") from None


def app(service: Service, known: list[dict[str, Any]]) -> App:
    """It behind HTTP. What shows pages is loaded when somebody looks at one."""

    def shown() -> ASGIApp:
        from serving import site

        return site.app(service, known)

    return App(service, shown)
