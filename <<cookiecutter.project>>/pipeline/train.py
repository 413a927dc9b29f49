"""Train LightGBM, stop when the validation month gains nothing more, keep it as text and ONNX.

    python -m pipeline.train

The same data, parameters and libraries give the same bytes: LightGBM is told to be
deterministic, with fixed threads and seeds.
"""

import resource
import time
from typing import Any

import lightgbm
import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import files, params, stage, tracking

KEYS = ("id", "part", "label")  # what is no feature in data/features.parquet


def main() -> None:
    every = params.read()
    settings = every.train
    tracking.refuse_locked()
    frame = files.read_parquet(files.FEATURES)
    names = [name for name in frame.columns if name not in KEYS]
    run = tracking.Run(stage.project())
    blocks = every.model_dump(include={"ingest", "features", "train"}, by_alias=True)
    run.start(
        {f"{name}.{key}": value for name, block in blocks.items() for key, value in block.items()},
        tracking.environment() | data_hashes(),
    )
    try:
        started = time.perf_counter()
        booster, history = train(frame, names, settings, run)
        seconds = time.perf_counter() - started
        write(booster, names, settings.objective)
    except BaseException:
        run.finish({}, status="FAILED")
        raise
    files.write_json(files.LEARNING, history)
    files.write_json(
        files.TRAINING,
        {
            "seconds": round(seconds, 2),
            # Linux counts in KiB.
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "iterations": booster.num_trees(),
        },
    )
    run.finish({"model_sha256": files.sha256(files.ONNX)})
    print(f"{booster.num_trees()} trees in {seconds:.1f} s")


def train(
    frame: pl.DataFrame, names: list[str], settings: params.Train, run: tracking.Run
) -> tuple[lightgbm.Booster, list[dict[str, float]]]:
    """The booster cut at its best iteration, and each iteration's metrics.

    `frame` holds the columns of the contract `Features` and the features `names`.
    """
    fitted = lightgbm.Dataset(*rows(frame, "train", names), feature_name=names)
    watched = lightgbm.Dataset(*rows(frame, "validation", names), reference=fitted)
    history: list[dict[str, float]] = []

    def record(step: Any) -> None:
        values = {f"{part}_{name}": value for part, name, value, _ in step.evaluation_result_list}
        history.append({"iteration": step.iteration, **values})
        run.log(values, step.iteration)

    booster = lightgbm.train(
        booster_params(settings),
        fitted,
        num_boost_round=settings.num_iterations,
        valid_sets=[fitted, watched],
        valid_names=["train", "validation"],
        callbacks=[
            lightgbm.early_stopping(settings.early_stopping, first_metric_only=True, verbose=False),
            lightgbm.log_evaluation(50),
            record,
        ],
    )
    # Read back from its text, so that what is converted is what is kept.
    text = booster.model_to_string(num_iteration=booster.best_iteration)
    return lightgbm.Booster(model_str=text), history


def data_hashes() -> dict[str, str]:
    """What the model is made from; of a restored training the raw rows may not be here."""
    known = [path for path in (files.RAW, files.FEATURES) if path.exists()]
    return {f"data.{path.stem}_sha256": files.sha256(path) for path in known}


def rows(
    frame: pl.DataFrame, part: str, names: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    chosen = frame.filter(pl.col("part") == part)
    return chosen.select(names).to_numpy(), chosen["label"].to_numpy()


def booster_params(settings: params.Train) -> dict[str, Any]:
    chosen = settings.model_dump(exclude={"early_stopping", "num_iterations", "threads"})
    return chosen | {
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,  # LightGBM asks for it: else it picks the faster way by the clock
        "verbosity": -1,
    }


def write(booster: lightgbm.Booster, names: list[str], objective: str) -> None:
    onnx, output = to_onnx(booster, len(names))
    with files.replacing(files.TEXT) as temporary:
        temporary.write_text(booster.model_to_string())
    with files.replacing(files.ONNX) as temporary:
        temporary.write_bytes(onnx)
    signature = {"features": names, "type": "float32", "objective": objective, "output": output}
    files.write_json(files.SIGNATURE, signature)


def to_onnx(booster: lightgbm.Booster, features: int) -> tuple[bytes, str]:
    """The model as ONNX with one input `features` (rows, features), and its output's name."""
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    converted = convert_lightgbm(
        booster,
        name="model",  # it would make one up, and each training other bytes
        initial_types=[("features", FloatTensorType([None, features]))],
        zipmap=False,
        target_opset=15,  # the newest that the converter writes for trees
    )
    # The converter lists the domains in the order of a set: another one in each process.
    domains = sorted(converted.opset_import, key=lambda entry: entry.domain)
    del converted.opset_import[:]
    converted.opset_import.extend(domains)
    return converted.SerializeToString(deterministic=True), converted.graph.output[-1].name


if __name__ == "__main__":
    stage.run("train", main)
