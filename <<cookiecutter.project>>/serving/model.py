"""From a frame that keeps the contract to answers: as the stages do it, on the release's bytes."""

from dataclasses import dataclass

import polars as pl

from pipeline import encoding, features, files, model
from pipeline.stage import StageError
from serving.release import Release

THREADS = 1  # a flight takes less time than waking a second one; more processes answer more clients


@dataclass(frozen=True)
class Predictor:
    model: model.Model
    encodings: encoding.Encodings

    def __call__(self, frame: pl.DataFrame) -> list[float]:
        matrix = features.matrix(features.columns_of(frame), self.encodings)
        answers: list[float] = self.model.predict(matrix).tolist()
        return answers


def load(release: Release) -> Predictor:
    """Open the model of a release.

    Raises:
        StageError: a file is none of ours, or is not made for this code.
    """
    signature = release.json(files.SIGNATURE)
    loaded = model.of(release.bytes(files.ONNX), signature, THREADS)
    if loaded.features != tuple(features.NAMES):
        raise StageError(f"{files.SIGNATURE}: its features are not those of pipeline/features.py")
    return Predictor(loaded, encoding.of(release.json(files.ENCODINGS)))
