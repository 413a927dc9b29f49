"""Judge the model on months that it never saw.

    python -m pipeline.evaluate

What the review compares is declared here: the metrics, the curves, and by name in params.yaml
the primary metric and the slices.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from pipeline import (
    baseline,
    card,
    curves,
    encoding,
    examples,
    features,
    files,
    metrics,
    model,
    params,
    stage,
    tracking,
)
from pipeline.metrics import Floats, Metric

METRICS = (
    Metric("roc_auc", metrics.roc_auc, higher_is_better=True),
    Metric("pr_auc", metrics.pr_auc, higher_is_better=True),
    Metric("log_loss", metrics.log_loss, higher_is_better=False),
    Metric("brier", metrics.brier, higher_is_better=False),
    Metric(
        "expected_calibration_error", metrics.expected_calibration_error, higher_is_better=False
    ),
)
CURVES: Mapping[str, Any] = {
    "roc": curves.roc,
    "precision_recall": curves.precision_recall,
    "calibration": curves.calibration,
}

SAMPLE = 5_000  # rows whose columns are shuffled for the importance: its bars hold still from here
TRIES = 200  # single rows timed; their median is kept


def main() -> None:
    # Here and below: pandera takes a second to load, and the review reads only what is declared.
    from pipeline import contract, schemas

    settings = params.read()
    raw, frame = files.read_parquet(files.RAW), files.read_parquet(files.FEATURES)
    metric_named(settings.evaluate.primary, "evaluate.primary")  # before the work, not after it
    loaded = model.load(settings.train.threads)
    names = list(loaded.features)
    holdout = frame.filter(pl.col("part") == "holdout")
    values = holdout.select(names).to_numpy()
    labels, predicted = holdout["label"].to_numpy(), loaded.predict(values).astype(np.float64)
    predictions = describe(raw, holdout, predicted, settings.evaluate.slices)
    contract.check(predictions, schemas.Predictions, str(files.PREDICTIONS))

    scored = score(labels, predicted)
    plain = baseline.predictions(frame, names, settings.train.objective, settings.evaluate.seed)
    every = {"model": scored} | {name: score(labels, p) for name, p in plain.items()}
    bars = importance(loaded, values, labels, settings.evaluate)
    training = files.read_json(files.TRAINING)
    cost = {
        "training_seconds": training["seconds"],
        "training_peak_memory_bytes": training["peak_memory_bytes"],
        "model_bytes": files.ONNX.stat().st_size,
        "row_microseconds": row_microseconds(raw, loaded),
    }
    files.write_parquet(files.PREDICTIONS, predictions)
    files.write_json(files.DECISION, decision(settings))
    files.write_json(files.EXAMPLES, examples.of(raw, predictions))
    files.write_json(files.METRICS, every)
    files.write_json(files.SLICES, slices(predictions, settings.evaluate.slices))
    files.write_json(files.IMPORTANCE, bars)
    files.write_json(files.COST, cost)
    for name, curve in CURVES.items():
        files.write_json(files.REPORTS / f"{name}.json", curve(labels, predicted))
    text = card.text(stage.project(), settings, every, cost, frame, names)
    with files.replacing(files.CARD) as temporary:
        temporary.write_text(text)
    track(scored)
    print(", ".join(f"{name} {value:.4f}" for name, value in scored.items()))


def decision(settings: params.Params) -> dict[str, Any]:
    """What a prediction is of, and from where on it is a yes."""
    return {
        "target": features.target(),
        "objective": settings.train.objective,
        "threshold": settings.evaluate.threshold,
    }


def metric_named(name: str, key: str) -> Metric:
    """The declared metric that a key of params.yaml names.

    Raises:
        StageError: none has that name; a gate of it would never be judged.
    """
    for metric in METRICS:
        if metric.name == name:
            return metric
    known = ", ".join(metric.name for metric in METRICS)
    raise stage.StageError(f"params.yaml: {key} = {name!r}: must be one of {known}")


def describe(
    raw: pl.DataFrame, holdout: pl.DataFrame, predicted: Floats, slices: list[str]
) -> pl.DataFrame:
    """The predictions with the columns that people may see, and those that slice."""
    from pipeline import contract, schemas

    shown = dict.fromkeys([*contract.columns(schemas.Raw, "shareable"), *slices])
    frame = holdout.select("id", "label").with_columns(
        pl.Series("prediction", predicted, pl.Float32)
    )
    return frame.join(raw.select("id", *shown), on="id", how="left", maintain_order="left")


def score(labels: Floats, predicted: Floats) -> dict[str, float]:
    return {metric.name: round(metric(labels, predicted), 6) for metric in METRICS}


def slices(predictions: pl.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """Every metric of each value of each slicing column, largest first."""
    found = []
    for name in names:
        for (value,), rows in predictions.group_by(name):
            labels, predicted = rows["label"].to_numpy(), rows["prediction"].to_numpy()
            scores = score(labels, predicted.astype(np.float64))
            found.append({"slice": name, "value": str(value), "rows": rows.height, **scores})
    return sorted(found, key=lambda row: (row["slice"], -row["rows"], row["value"]))


def importance(
    loaded: model.Model, values: encoding.Floats, labels: Floats, settings: params.Evaluate
) -> list[dict[str, Any]]:
    """How much of the primary metric is lost when one feature is shuffled (Breiman, 2001)."""
    metric = metric_named(settings.primary, "evaluate.primary")
    random = np.random.default_rng(settings.seed)
    chosen = random.permutation(len(values))[:SAMPLE]
    values, labels = values[chosen], labels[chosen]

    def value(matrix: encoding.Floats) -> float:
        return metric(labels, loaded.predict(matrix).astype(np.float64))

    whole, sign = value(values), 1 if metric.higher_is_better else -1
    found = []
    for place, name in enumerate(loaded.features):
        losses = []
        for _ in range(settings.repeats):
            shuffled = values.copy()
            shuffled[:, place] = random.permutation(shuffled[:, place])
            losses.append(sign * (whole - value(shuffled)))
        found.append({"feature": name, "loss": round(float(np.mean(losses)), 6)})
    return sorted(found, key=lambda bar: -float(bar["loss"]))


def row_microseconds(raw: pl.DataFrame, loaded: model.Model) -> float:
    """Median time from one row's columns to its prediction, in one process."""
    encodings = encoding.read()
    row = features.columns_of(raw.head(1))
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        loaded.predict(features.matrix(row, encodings))
        times.append(time.perf_counter() - started)
    return round(float(np.median(times)) * 1e6, 1)


def track(scored: dict[str, float]) -> None:
    run = tracking.Run(stage.project())
    run.find(files.sha256(files.ONNX))
    run.log({f"holdout_{name}": value for name, value in scored.items()})
    run.finish({})


if __name__ == "__main__":
    stage.run("evaluate", main)
