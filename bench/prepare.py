"""What the peers of the service are started from and asked, written to a folder.

python bench/prepare.py FOLDER      # in a trained project
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import mlflow.onnx
import msgspec
import numpy as np
import onnx
import polars as pl
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from pipeline import encoding, features, files
from serving import local

from gitops.targets import interpreter

ROWS = 1000


def main() -> None:
    folder = Path(sys.argv[1])
    # What a release's service runs on, compiled, and nothing else.
    (folder / "python").write_text(str(interpreter.make(folder, Path.cwd())))
    release(folder / "release")
    rows = files.read_parquet(files.RAW).tail(ROWS)
    matrix = features.matrix(features.columns_of(rows), encoding.read())
    asked(rows.drop(features.target()), folder)
    numbers(matrix[:1], folder / "numbers.json")
    numbers(matrix, folder / "batch.json")
    np.save(folder / "matrix.npy", matrix)
    names = [ColSpec("float", name) for name in features.NAMES]
    mlflow.onnx.save_model(
        answering(onnx.load(str(files.ONNX))),
        str(folder / "mlflow"),
        pip_requirements=["mlflow", "onnxruntime"],
        signature=ModelSignature(Schema(names)),  # type: ignore[arg-type]
        onnx_session_options={"intra_op_num_threads": 1},  # it has one core
        save_as_external_data=False,
    )


def answering(loaded: onnx.ModelProto) -> onnx.ModelProto:
    """The model with one number a row: MLflow flattens all outputs, and refuses other lengths."""
    graph, output = loaded.graph, files.read_json(files.SIGNATURE)["output"]
    (shape,) = (one.type.tensor_type.shape for one in graph.output if one.name == output)
    last = shape.dim[1].dim_value - 1
    graph.initializer.append(onnx.helper.make_tensor("last", onnx.TensorProto.INT64, [1], [last]))
    graph.node.append(onnx.helper.make_node("Gather", [output, "last"], ["prediction"], axis=1))
    del graph.output[:]
    said = onnx.helper.make_tensor_value_info("prediction", onnx.TensorProto.FLOAT, [None, 1])
    graph.output.append(said)
    return loaded


def release(folder: Path) -> None:
    """The working copy, sealed as a release is."""
    folder.mkdir()
    for linked in local.LINKED:
        (folder / linked).symlink_to(Path(linked).absolute())
    local.seal(folder)


def asked(rows: pl.DataFrame, folder: Path) -> None:
    """The rows as the service takes them: one, and all, in each of its formats."""
    said = rows.rows(named=True)
    write(folder / "row.json", {"rows": said[:1]})
    write(folder / "rows.json", {"rows": said})
    write(folder / "columns.json", {"columns": rows.to_dict(as_series=False)})
    rows.write_ipc_stream(folder / "rows.arrow")


def numbers(matrix: np.ndarray, path: Path) -> None:
    """The features as MLflow takes them: its fastest format."""
    data = np.where(np.isnan(matrix), None, matrix.astype(object)).tolist()
    write(path, {"dataframe_split": {"columns": list(features.NAMES), "data": data}})


def write(path: Path, said: object) -> None:
    path.write_bytes(msgspec.json.encode(said))


if __name__ == "__main__":
    main()
