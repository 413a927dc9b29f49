"""Training is a function of its data and parameters: the same bytes every time, and no pickle."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest

from pipeline import features, files, model, params, train
from pipeline.tracking import Run
from tests.projects import ROOT, change_params, copy_project

MODEL = [files.ONNX, files.TEXT, files.SIGNATURE, files.LEARNING]
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


class Silent(Run):
    """A run that nobody keeps; it remembers its steps."""

    def __init__(self) -> None:
        super().__init__("test")
        self.steps: list[int] = []

    def log(self, metrics: dict[str, float], step: int = 0) -> None:
        self.steps.append(step)


@pytest.fixture(scope="module")
def twins(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, str]]:
    """Two trainings from scratch in processes of their own, and what they said on stderr.

    They differ in the order of Python's sets; one cannot reach its MLflow server.
    """
    running = []
    # With these seeds the sets of the ONNX converter have different orders; with most, the same.
    for seed, uri in (("1", ""), ("20", NOWHERE)):
        folder = tmp_path_factory.mktemp("twin")
        copy_project(folder, "params.yaml", "pyproject.toml")
        change_params(folder, train={"threads": 2})
        (folder / "pipeline").symlink_to(ROOT / "pipeline")
        (folder / "data").mkdir()
        shutil.copy(trained / files.FEATURES, folder / files.FEATURES)
        shutil.copy(trained / "mlflow.db", folder)
        command = [sys.executable, "-B", "-m", "pipeline.train"]
        env = os.environ | {"PYTHONHASHSEED": seed, "MLFLOW_TRACKING_URI": uri}
        process = subprocess.Popen(
            command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        running.append((folder, process))
    ended = []
    for folder, process in running:
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
        ended.append((folder, errors))
    return ended


@pytest.mark.parametrize("path", MODEL, ids=str)
def test_two_trainings_in_two_processes_give_the_same_bytes(
    twins: list[tuple[Path, str]], path: Path
) -> None:
    (one, _), (other, _) = twins

    assert files.sha256(one / path) == files.sha256(other / path)


def test_an_unreachable_server_costs_one_warning_and_no_file(
    twins: list[tuple[Path, str]],
) -> None:
    (tracked, quiet), (untracked, warned) = twins

    assert "warning" not in quiet
    lines = [line for line in warned.splitlines() if "warning" in line.lower()]
    assert len(lines) == 1
    assert f"MLflow at {NOWHERE} failed; this run is not tracked" in lines[0]
    for path in [*MODEL, files.TRAINING]:
        assert (untracked / path).is_file()
        assert (tracked / path).is_file()


def test_runs_are_kept_at_the_project_s_root_unless_told_otherwise(
    twins: list[tuple[Path, str]],
) -> None:
    kept = []
    for folder, _ in twins:
        with closing(sqlite3.connect(folder / "mlflow.db")) as database:
            kept.append(database.execute("SELECT count(*) FROM runs").fetchone()[0])

    # Each began with a copy of a database of one run.
    assert kept == [2, 1]


def test_nothing_is_pickled(after_training: Path) -> None:
    kept = {path.suffix for path in Path("models").iterdir()}
    assert kept == {".json", ".onnx", ".txt"}
    for path in (ROOT / "pipeline").glob("*.py"):
        words = path.read_text().replace('"', "").split()
        assert {"pickle", "joblib", "cloudpickle", "skops"}.isdisjoint(words), path


def small(**changed: Any) -> params.Train:
    known: dict[str, Any] = {
        "objective": "binary", "metric": ["auc", "binary_logloss"], "learning_rate": 0.1,
        "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 1.0, "lambda_l2": 0.0,
        "num_iterations": 300, "early_stopping": 5, "threads": 1, "seed": 1,
    }  # fmt: skip
    return params.Train.model_validate(known | changed)


def test_early_stopping_keeps_the_best_iteration_and_the_history_all(trained: Path) -> None:
    frame, run = files.read_parquet(trained / files.FEATURES), Silent()

    booster, history = train.train(frame, list(features.NAMES), small(), run)

    assert len(history) < 300
    assert booster.num_trees() == len(history) - 5
    assert [entry["iteration"] for entry in history] == [*range(len(history))] == run.steps
    best = max(entry["validation_auc"] for entry in history)
    assert history[booster.num_trees() - 1]["validation_auc"] == best
    assert history[0].keys() == {
        "iteration", "train_auc", "train_binary_logloss", "validation_auc",
        "validation_binary_logloss",
    }  # fmt: skip


def test_the_holdout_is_not_trained_on(trained: Path) -> None:
    frame = files.read_parquet(trained / files.FEATURES)
    settings, names = small(num_iterations=10), list(features.NAMES)
    turned = pl.when(part="holdout").then(1 - pl.col("label")).otherwise("label")

    one, _ = train.train(frame, names, settings, Silent())
    other, _ = train.train(frame.with_columns(label=turned), names, settings, Silent())

    assert one.model_to_string() == other.model_to_string()


def test_parameters_reach_the_booster() -> None:
    chosen = train.booster_params(small(num_leaves=7, threads=3, seed=5))

    assert chosen["deterministic"] is True
    assert (chosen["num_leaves"], chosen["num_threads"], chosen["seed"]) == (7, 3, 5)
    assert {"num_iterations", "early_stopping"}.isdisjoint(chosen)


def test_a_number_is_learned_as_a_class_is(project: Path) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(3000, 2)).astype(np.float32)
    parts = random.choice(["train", "validation", "holdout"], 3000)
    frame = pl.DataFrame(
        {"id": [str(n) for n in range(3000)], "part": parts, "label": 100 + 5 * x[:, 0],
         "a": x[:, 0], "b": x[:, 1]},
        schema_overrides={"label": pl.Float64},
    )  # fmt: skip
    settings = small(objective="regression", metric=["rmse"])

    booster, history = train.train(frame, ["a", "b"], settings, Silent())
    train.write(booster, ["a", "b"], settings.objective)

    said = model.load(threads=1).predict(x)
    assert history[-1].keys() == {"iteration", "train_rmse", "validation_rmse"}
    np.testing.assert_allclose(said, booster.predict(x), rtol=1e-5)
    assert np.abs(said - frame["label"].to_numpy())[parts == "holdout"].mean() < 1


def test_a_training_that_fails_keeps_the_old_model(
    after_training: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in MODEL}

    def fail(*args: object, **kwargs: object) -> None:
        raise lightgbm.basic.LightGBMError("no")

    monkeypatch.setattr(lightgbm, "train", fail)
    with pytest.raises(lightgbm.basic.LightGBMError):
        train.main()

    assert {path: path.read_bytes() for path in MODEL} == before
