"""From columns that keep the contract to answers: as the stages do it, on the release's bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import encoding, features, files, model
from pipeline.stage import StageError
from serving.release import Release

THREADS = 1  # a flight takes less time than waking a second one; more processes answer more clients


@dataclass(frozen=True)
class Predictor:
    model: model.Model
    encodings: encoding.Encodings

    def __call__(self, columns: Mapping[str, Any]) -> NDArray[np.float32]:
        return self.model.predict(features.matrix(columns, self.encodings))


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
