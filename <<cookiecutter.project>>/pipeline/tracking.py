"""What happened in a training, kept in MLflow: a help to people, never a condition.

A run is found again by its model: tag `model_sha256`. Without MLFLOW_TRACKING_URI it lies in
mlflow.db at the project's root, where `mlflow ui` looks. A server that does not answer costs
one warning and a few seconds; the training goes on.
"""

import functools
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from subprocess import run as execute
from typing import Any, Concatenate, Final, ParamSpec
from urllib.parse import unquote

from pipeline.stage import StageError

DEFAULT: Final = "sqlite:///mlflow.db"
EVERY: Final = 1.0  # seconds between two writes: one per iteration would cost as much as the trees
BUSY: Final = 5.0  # seconds to wait for another writer
DATABASES: Final = ("postgresql", "mysql")  # with or without the name of a driver
ANSWER: Final = 5  # seconds for a database to take a connection
LIBRARIES: Final = ("lightgbm", "onnxmltools", "numpy", "polars")

P = ParamSpec("P")


def uri() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI", "") or DEFAULT


def refuse_locked() -> None:
    """See that a local database can be written, before an hour of training, not after it.

    Raises:
        StageError: another process holds it.
    """
    path = Path(uri().removeprefix("sqlite:///"))
    if not uri().startswith("sqlite:///") or not path.exists():
        return
    try:
        with sqlite3.connect(path, timeout=BUSY) as database:
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
    except sqlite3.Error as error:
        raise StageError(
            f"{path}: {error}; end the process that holds it, or set MLFLOW_TRACKING_URI"
        ) from None


def forgiving(
    method: Callable[Concatenate["Run", P], None],
) -> Callable[Concatenate["Run", P], None]:
    """A failure of MLflow ends the tracking with a warning, not the training."""

    @functools.wraps(method)
    def wrapper(run: "Run", /, *args: P.args, **kwargs: P.kwargs) -> None:
        if run.lost:
            return
        try:
            method(run, *args, **kwargs)
        except Exception as error:  # its clients raise what their transports raise
            run.lost = True
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            said = f"MLflow at {uri()} failed; this run is not tracked: {reason}"
            print(f"warning: {public(said)[:300]}", file=sys.stderr)

    return wrapper


def public(text: str) -> str:
    """A text without the name and password that may stand in the server's address."""
    login, mark, _ = uri().rpartition("://")[2].partition("/")[0].rpartition("@")
    password = login.partition(":")[2]
    for secret in (login + mark, password, unquote(password)):
        text = text.replace(secret, "") if secret else text
    return text


class Run:
    """One MLflow run of experiment `project`; every method forgives a failing server."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.lost = False
        self.id = ""
        self._waiting: list[Any] = []
        self._written = 0.0

    @functools.cached_property
    def client(self) -> Any:
        # Read when mlflow is imported: without them it tries for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
        # Else it tells its makers what is done with it, over the network.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        if uri().startswith(DATABASES):
            from sqlalchemy import NullPool, create_engine

            # MLflow tries for minutes to connect to what does not answer.
            limit = {"connect_timeout": ANSWER}
            create_engine(uri(), poolclass=NullPool, connect_args=limit).connect().close()
        return MlflowClient(tracking_uri=uri())

    @forgiving
    def start(self, params: dict[str, Any], tags: dict[str, str]) -> None:
        experiment = self.client.get_experiment_by_name(self.project)
        number = experiment.experiment_id if experiment else None
        number = number or self.client.create_experiment(self.project)
        from mlflow.entities import Param, RunTag

        self.id = self.client.create_run(number).info.run_id
        self.client.log_batch(
            self.id,
            params=[Param(key, str(value)) for key, value in params.items()],
            tags=[RunTag(key, value) for key, value in tags.items()],
        )

    @forgiving
    def find(self, model_sha256: str) -> None:
        """Continue the newest run that made this model."""
        experiment = self.client.get_experiment_by_name(self.project)
        runs = experiment and self.client.search_runs(
            [experiment.experiment_id], f"tags.model_sha256 = '{model_sha256}'", max_results=1
        )
        if not runs:
            raise LookupError(f"no run has the tag model_sha256 = {model_sha256[:12]}…")
        self.id = runs[0].info.run_id

    @forgiving
    def log(self, metrics: dict[str, float], step: int = 0) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._waiting += [Metric(key, value, now, step) for key, value in metrics.items()]
        if time.monotonic() - self._written > EVERY:
            self._flush()

    @forgiving
    def finish(self, tags: dict[str, str], status: str = "FINISHED") -> None:
        self._flush()
        for key, value in tags.items():
            self.client.set_tag(self.id, key, value)
        self.client.set_terminated(self.id, status)

    def _flush(self) -> None:
        self.client.log_batch(self.id, metrics=self._waiting)
        self._waiting, self._written = [], time.monotonic()


def environment() -> dict[str, str]:
    """Where a training ran: git commit and tree, Python, machine, libraries."""
    tags = {"python": platform.python_version(), "platform": platform.platform()}
    tags |= {f"version.{name}": version(name) for name in LIBRARIES}
    for key, ref in (("git.commit", "HEAD"), ("git.tree", "HEAD^{tree}")):
        found = execute(
            ["git", "rev-parse", "--verify", "--quiet", ref],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
        tags[key] = found.stdout.strip() or "none"
    return tags
