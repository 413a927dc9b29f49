"""A release as `mlflow.pyfunc.load_model` opens it: its model, its code, and what they need."""

import contextlib
import json
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gitops.bundle import EXAMPLES, MANIFEST, digest

FLAVOR = "serving/flavor.py"
CODE = ("pipeline", "serving")
REQUIREMENTS = "requirements/serving.txt"
WHOLE = "MLmodel"  # stored last: where it lies, everything else does


def save(bundle: Path, folder: Path) -> None:
    """Write the files of a bundle as an MLflow model.

    Raises:
        OSError, MlflowException: the bundle is not whole.
    """
    with warnings.catch_warnings(action="ignore"):  # of type hints inside MLflow
        from mlflow import pyfunc

    with warnings.catch_warnings(action="ignore"), untouched():
        pyfunc.save_model(
            folder,
            python_model=str(bundle / FLAVOR),
            artifacts={"models": str(bundle / "models"), "manifest": str(bundle / MANIFEST)},
            code_paths=[str(bundle / name) for name in CODE],
            pip_requirements=requirements((bundle / REQUIREMENTS).read_text()),
            signature=signature(json.loads((bundle / EXAMPLES).read_text())),
        )


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """MLflow executes the code that it keeps; no bytecode is to lie beside it afterwards."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def signature(examples: Iterable[Mapping[str, Any]]) -> Any:
    """The fields of the rows, by what is seen in them, and one column of probabilities."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    seen: dict[str, set[type]] = {}
    for example in examples:
        for name, value in example["row"].items():
            seen.setdefault(name, set()).add(type(value))
    fields: list[Any] = [ColSpec(kind(types), name) for name, types in seen.items()]
    return ModelSignature(Schema(fields), Schema([ColSpec("double", "prediction")]))


def kind(types: set[type]) -> str:
    """MLflow's word for a column; a number where no row knows it, as its NaN then says."""
    if str in types:
        return "string"
    if types == {bool}:
        return "boolean"
    return "long" if types == {int} else "double"


def requirements(lock: str) -> list[str]:
    """The pinned packages of a compiled lock, without its hashes."""
    pins = re.finditer(r"(?m)^([\w.\[\],-]+==[^\s;\\]+)(?: ; ([^\\\n]+))?", lock)
    return [" ; ".join(part.strip() for part in pin.groups() if part) for pin in pins]


def contents(bundle: Path, model: Mapping[str, str]) -> dict[str, str]:
    """The sha256 by path of what a stored release must hold: its model, and the code around it."""
    code = [path for name in CODE for path in (bundle / name).rglob("*") if kept(path)]
    return dict(model) | {str(path.relative_to(bundle)): digest(path) for path in code}


def stored(folder: Path) -> dict[str, str]:
    """The sha256 of the files of a stored release, by their path in its tree."""
    places = {"models": "artifacts/models"} | {name: f"code/{name}" for name in CODE}
    found = {
        f"{name}/{path.relative_to(folder / place)}": digest(path)
        for name, place in places.items()
        for path in (folder / place).rglob("*")
        if kept(path)
    }
    flavor = folder / Path(FLAVOR).name
    return found | ({FLAVOR: digest(flavor)} if flavor.is_file() else {})


def kept(path: Path) -> bool:
    """Is it a file of the release, and none that Python left beside it?"""
    return path.is_file() and path.parent.name != "__pycache__"
