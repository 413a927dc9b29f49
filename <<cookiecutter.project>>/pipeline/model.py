"""A trained model as its files say: ONNX, signature; no training library."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

# Else it keeps an id of this machine on disk, and sends to its makers what is run here, and when.
# https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from numpy.typing import NDArray

from pipeline import files, stage

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    session: Any
    features: tuple[str, ...]
    output: str

    def predict(self, matrix: Floats) -> Floats:
        """Probability of the target, or its value; matrix (rows, features) → shape (rows,)."""
        (values,) = self.session.run([self.output], {"features": matrix})
        return np.ascontiguousarray(values[:, -1], np.float32)


def load(threads: int) -> Model:
    """Open the model that the last training wrote.

    Raises:
        StageError: a file is missing or can't be opened.
    """
    signature = files.read_json(files.SIGNATURE)
    try:
        onnx = files.ONNX.read_bytes()
    except FileNotFoundError:
        raise stage.StageError(f"{files.ONNX}: not there; `make reproduce` makes it") from None
    return of(onnx, signature, threads)


def of(onnx: bytes, signature: Any, threads: int) -> Model:
    """The model that these bytes are.

    Raises:
        StageError: they can't be opened.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors alone: its warnings speak of the machine
    try:
        session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own without a common base
        reason = str(error).splitlines()[0]
        raise stage.StageError(f"{files.ONNX}: can't be opened: {reason}") from None
    return Model(session, tuple(signature["features"]), signature["output"])
