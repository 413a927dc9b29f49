"""The holdout judges the model, its slices and its baselines, and says what each feature gives."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipeline import contract, curves, evaluate, features, files, model, params, schemas
from pipeline.metrics import Metric
from pipeline.stage import StageError
from tests.projects import change_params


@pytest.fixture(scope="module")
def predictions(trained: Path) -> pl.DataFrame:
    return files.read_parquet(trained / files.PREDICTIONS)


def json(trained: Path, path: Path) -> Any:
    return files.read_json(trained / path)


def scores(rows: pl.DataFrame) -> dict[str, float]:
    return evaluate.score(rows["label"].to_numpy(), rows["prediction"].cast(pl.Float64).to_numpy())


def test_metrics_are_those_of_the_predictions_beside_both_baselines(
    trained: Path, predictions: pl.DataFrame
) -> None:
    found = json(trained, files.METRICS)

    assert found.keys() == {"model", "mean", "linear"}
    assert found["model"] == scores(predictions)
    assert found["mean"]["roc_auc"] == 0.5
    assert min(found["model"]["roc_auc"], found["linear"]["roc_auc"]) > 0.55


def test_predictions_hold_what_people_may_see_and_what_slices(
    trained: Path, predictions: pl.DataFrame
) -> None:
    settings = params.read(trained / "params.yaml")
    raw = files.read_parquet(trained / files.RAW)
    shown = [*contract.columns(schemas.Raw, "shareable"), *settings.evaluate.slices]

    contract.check(predictions, schemas.Predictions, "predictions")
    assert set(predictions.columns) == {"id", "label", "prediction", *shown}
    assert predictions["month"].unique().to_list() == [settings.ingest.until]
    # Each row beside its own columns, in the order of the holdout.
    expected = raw.filter(pl.col("month") == settings.ingest.until)
    assert predictions.select("id", *dict.fromkeys(shown)).equals(
        expected.select("id", *dict.fromkeys(shown))
    )
    assert predictions["label"].cast(pl.Boolean).equals(expected["late"].alias("label"))


def test_every_slice_has_every_metric_and_they_cover_the_holdout(
    trained: Path, predictions: pl.DataFrame
) -> None:
    found = json(trained, files.SLICES)

    for name in params.read(trained / "params.yaml").evaluate.slices:
        of_this = [row for row in found if row["slice"] == name]
        assert sum(row["rows"] for row in of_this) == predictions.height
        assert [row["rows"] for row in of_this] == sorted(
            (row["rows"] for row in of_this), reverse=True
        )
        for row in of_this:
            rows = predictions.filter(pl.col(name).cast(pl.String) == row["value"])
            expected = {"slice": name, "value": row["value"], "rows": rows.height, **scores(rows)}
            np.testing.assert_equal(row, expected)


def test_a_slice_that_is_no_shareable_column_is_kept_with_the_predictions(
    after_training: Path,
) -> None:
    change_params(after_training, evaluate={"slices": ["temperature"], "repeats": 1})

    evaluate.main()

    assert "temperature" in files.read_parquet(files.PREDICTIONS).columns
    assert {row["slice"] for row in files.read_json(files.SLICES)} == {"temperature"}


def test_curves_are_those_of_the_predictions(trained: Path, predictions: pl.DataFrame) -> None:
    labels = predictions["label"].to_numpy()
    values = predictions["prediction"].cast(pl.Float64).to_numpy()

    assert json(trained, files.REPORTS / "roc.json") == curves.roc(labels, values)
    assert json(trained, files.REPORTS / "calibration.json") == curves.calibration(labels, values)
    assert (trained / files.REPORTS / "precision_recall.json").is_file()


class Known(model.Model):
    """A model that reads its first feature and no other."""

    def predict(self, matrix: model.Floats) -> model.Floats:
        return matrix[:, 0]


def importance(seed: int = 1) -> list[dict[str, Any]]:
    random = np.random.default_rng(1)
    values = random.random((500, 3), np.float32)
    labels = (random.random(500) < values[:, 0]).astype(np.float64)
    settings = params.Evaluate(primary="roc_auc", threshold=None, slices=[], repeats=2, seed=seed)
    return evaluate.importance(Known(None, ("a", "b", "c"), ""), values, labels, settings)


def test_importance_is_what_is_lost_without_the_feature() -> None:
    bars = importance()

    assert [bar["feature"] for bar in bars] == ["a", "b", "c"]
    assert bars[0]["loss"] > 0.2
    assert [bar["loss"] for bar in bars[1:]] == [0, 0]


def test_importance_shuffles_by_its_seed() -> None:
    assert importance(seed=1) == importance(seed=1) != importance(seed=2)


def test_importance_of_a_loss_has_the_same_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = next(metric for metric in evaluate.METRICS if not metric.higher_is_better)
    monkeypatch.setattr(evaluate, "METRICS", (Metric("roc_auc", loss.of, False),))

    assert importance()[0]["loss"] > 0


def test_every_feature_of_the_model_has_its_bar_and_the_worst_comes_last(trained: Path) -> None:
    bars = json(trained, files.IMPORTANCE)

    assert {bar["feature"] for bar in bars} == set(features.NAMES)
    assert [bar["loss"] for bar in bars] == sorted((bar["loss"] for bar in bars), reverse=True)


def test_the_decision_is_kept_beside_the_model(trained: Path) -> None:
    assert json(trained, files.DECISION) == {
        "target": "late", "objective": "binary", "threshold": 0.35,
    }  # fmt: skip


def test_cost_says_time_memory_and_size(trained: Path) -> None:
    cost = json(trained, files.COST)

    assert cost["model_bytes"] == (trained / files.ONNX).stat().st_size
    assert all(value > 0 for value in cost.values())
    assert {"training_seconds", "training_peak_memory_bytes", "row_microseconds"} <= cost.keys()


def test_a_second_evaluation_says_the_same(after_training: Path) -> None:
    kept = [files.PREDICTIONS, files.METRICS, files.SLICES, files.IMPORTANCE]
    before = [files.sha256(path) for path in kept]

    evaluate.main()

    assert [files.sha256(path) for path in kept] == before


def test_a_metric_that_is_not_declared_is_refused(after_training: Path) -> None:
    change_params(after_training, evaluate={"primary": "accuracy"})

    with pytest.raises(StageError, match=r"evaluate\.primary = .*accuracy.*roc_auc"):
        evaluate.main()


def test_a_prediction_that_breaks_the_contract_is_refused(
    after_training: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.Model, "predict", lambda self, matrix: np.full(len(matrix), 1.5))

    with pytest.raises(StageError, match=r"predictions\.parquet breaks the contract"):
        evaluate.main()


def test_figures_stand_in_the_run_that_trained_the_model(trained: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{trained}/mlflow.db")
    experiment = client.get_experiment_by_name("flights")
    assert experiment
    (run,) = client.search_runs([experiment.experiment_id])

    assert run.data.tags["model_sha256"] == files.sha256(trained / files.ONNX)
    assert run.info.status == "FINISHED"
    for name, value in json(trained, files.METRICS)["model"].items():
        assert run.data.metrics[f"holdout_{name}"] == value
    assert "validation_auc" in run.data.metrics
