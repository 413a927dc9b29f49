"""MLflow shows a training while it runs and afterwards, and can never end it."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import files, tracking, train
from pipeline.stage import StageError
from tests.projects import ROOT, change_params, succeed

HIDDEN = "hunter2"
LOGIN = f"user:{HIDDEN}"
SILENT = """
from pipeline import tracking
run = tracking.Run("flights")
run.start({"a": 1}, {})
for step in range(100):
    run.log({"b": 1.0}, step)
run.finish({"c": "d"})
run.find("0" * 64)
print(run.lost, "the training goes on")
"""


@pytest.fixture
def client(project: Path, database: Path) -> Any:
    """MLflow's own client, on an empty database where the project looks for its own."""
    from mlflow import MlflowClient

    shutil.copy(database, project / "mlflow.db")
    return MlflowClient(tracking_uri=f"sqlite:///{project}/mlflow.db")


def newest(client: Any) -> Any:
    experiment = client.get_experiment_by_name("flights")
    return client.search_runs([experiment.experiment_id], max_results=1)[0]


def test_a_run_is_seen_while_it_goes_on(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "EVERY", -1.0)
    run = tracking.Run("flights")
    run.start({"train.seed": 1}, {"git.tree": "abc"})
    for step in range(3):
        run.log({"auc": 0.5 + step / 10}, step)

    seen = newest(client)
    history = client.get_metric_history(seen.info.run_id, "auc")
    assert seen.info.status == "RUNNING"
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.6), (2, 0.7)]

    run.finish({"model_sha256": "0123"})
    assert newest(client).info.status == "FINISHED"


def test_steps_are_written_together_and_the_last_are_not_lost(client: Any) -> None:
    run = tracking.Run("flights")
    run.start({}, {})
    for step in range(50):
        run.log({"auc": step / 100}, step)
    run.finish({})

    assert len(client.get_metric_history(newest(client).info.run_id, "auc")) == 50


def test_its_makers_are_told_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    assert tracking.Run("flights").client
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_run_is_found_again_by_its_model(client: Any) -> None:
    for name in ("one", "two"):
        run = tracking.Run("flights")
        run.start({}, {"name": name})
        run.finish({"model_sha256": name * 10})

    again = tracking.Run("flights")
    again.find("one" * 10)
    again.log({"holdout_auc": 0.75})
    again.finish({})

    found = client.get_run(again.id)
    assert found.data.tags["name"] == "one"
    assert found.data.metrics == {"holdout_auc": 0.75}
    assert found.info.status == "FINISHED"


def test_a_model_that_nobody_tracked_is_a_warning(
    client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tracking.Run("flights")
    run.find("f" * 64)
    run.log({"auc": 1.0})

    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert "no run has the tag model_sha256 = ffffffffffff…" in warnings[0]


def test_a_training_is_followed_step_by_step(
    client: Any, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_params(Path(), train={"num_iterations": 6})
    files.FEATURES.parent.mkdir()
    files.FEATURES.symlink_to(trained / files.FEATURES)
    monkeypatch.setattr(tracking, "EVERY", -1.0)
    seen: list[tuple[str, int]] = []
    write = train.write

    def look(*args: Any) -> None:
        run = newest(client)
        steps = client.get_metric_history(run.info.run_id, "validation_auc")
        seen.append((run.info.status, len(steps)))
        write(*args)

    monkeypatch.setattr(train, "write", look)
    train.main()

    assert seen == [("RUNNING", 6)]
    run = newest(client)
    assert run.info.status == "FINISHED"
    assert run.data.params["train.num_iterations"] == "6"
    assert run.data.tags["model_sha256"] == files.sha256(files.ONNX)
    assert run.data.tags["data.features_sha256"] == files.sha256(files.FEATURES)
    assert {"python", "platform", "version.lightgbm", "git.commit"} <= run.data.tags.keys()


def test_a_training_that_fails_is_marked(
    client: Any, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_params(Path(), train={"num_iterations": 2})
    files.FEATURES.parent.mkdir()
    files.FEATURES.symlink_to(trained / files.FEATURES)

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.main()

    assert newest(client).info.status == "FAILED"


def test_commit_and_tree_are_those_of_the_repository(project: Path) -> None:
    assert tracking.environment()["git.commit"] == "none"
    succeed("git", "init", "--quiet", cwd=project)
    succeed("git", "add", "params.yaml", cwd=project)
    succeed("git", "commit", "--quiet", "--message", "one", cwd=project)

    tags = tracking.environment()

    assert tags["git.commit"] == succeed("git", "rev-parse", "HEAD", cwd=project).strip()
    assert tags["git.tree"] == succeed("git", "rev-parse", "HEAD^{tree}", cwd=project).strip()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_never_answers_costs_one_warning_and_no_hang(
    project: Path, silent: str
) -> None:
    (project / "pipeline").symlink_to(ROOT / "pipeline")
    env = os.environ | {"MLFLOW_TRACKING_URI": silent, "MLFLOW_HTTP_REQUEST_TIMEOUT": "1"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", SILENT],
        env=env, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip

    assert done.stdout == "True the training goes on\n"
    assert len(done.stderr.splitlines()) == 1
    assert "this run is not tracked" in done.stderr


@pytest.mark.parametrize(
    "address",
    [
        f"http://{LOGIN}@127.0.0.1:9",
        f"http://{LOGIN}@127.0.0.1:9/a@b",
        f"postgresql://{LOGIN}@127.0.0.1:9/mlflow",
        f"mysql://{LOGIN}@127.0.0.1:9/mlflow",
        f"nonsense://{LOGIN}@127.0.0.1",
        f"nonsense://{LOGIN}%40%2f@127.0.0.1/%2f",
        f"{LOGIN}@127.0.0.1",
    ],
)
def test_name_and_password_of_a_server_are_in_no_message(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    address: str,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    run = tracking.Run("flights")
    run.start({}, {})
    run.log({"auc": 1.0})
    run.finish({})

    said = "".join(capfd.readouterr())
    assert "this run is not tracked" in said
    assert HIDDEN not in said


def test_a_locked_database_is_refused_before_the_training(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "BUSY", 0.1)
    with sqlite3.connect("mlflow.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StageError, match=r"mlflow\.db: database is locked; end the process"):
            train.main()
        other.execute("ROLLBACK")
    other.close()

    tracking.refuse_locked()
    assert not files.ONNX.exists()


def test_what_is_no_database_is_refused_before_the_training(project: Path) -> None:
    (project / "mlflow.db").write_text("not a database at all" * 100)

    with pytest.raises(StageError, match=r"mlflow\.db: file is not a database"):
        train.main()


def test_no_database_is_no_obstacle(project: Path) -> None:
    tracking.refuse_locked()

    assert not (project / "mlflow.db").exists()
