"""What MLflow keeps of a release: its files as they are, the fields of its rows, its needs."""

import json
from pathlib import Path

import pytest
import yaml

from gitops import loadable
from gitops.bundle import EXAMPLES
from tests.gitops.bundles import bundle_of

LOCK = """\
annotated-types==0.8.0 \\
    --hash=sha256:1f02
# a comment==1.0
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:0ebb
uvicorn[standard]==0.54.0 ; sys_platform != 'win32' and python_version >= '3.11' \\
    --hash=sha256:aa00 \\
    --hash=sha256:bb00
"""


def test_files_are_kept_as_they_are_and_nothing_is_left_behind(
    trained: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    release = bundle_of(trained, bundle)
    before = sorted(bundle.rglob("*"))
    loadable.save(bundle, tmp_path / "model")

    wanted = loadable.contents(bundle, release.model.files)
    assert loadable.stored(tmp_path / "model") == wanted
    assert {"models/model.onnx", "pipeline/model.py", "serving/rows/field.py"} <= wanted.keys()
    assert "serving/flavor.py" in wanted
    assert sorted(bundle.rglob("*")) == before


def test_no_pickle_is_kept_and_what_it_needs_is_pinned(trained: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle_of(trained, bundle)
    loadable.save(bundle, tmp_path / "model")

    about = yaml.safe_load((tmp_path / "model" / loadable.WHOLE).read_text())
    assert about["flavors"]["python_function"]["loader_module"].endswith("code_model")
    assert "python_model" not in about["flavors"]["python_function"]
    suffixes = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    pages = {".css", ".html", ".js", ".svg"}
    assert suffixes == {".json", ".onnx", ".py", ".txt", ".yaml", ""} | pages
    needed = (tmp_path / "model/requirements.txt").read_text().splitlines()
    assert all("==" in line for line in needed)
    assert {line.split("==")[0] for line in needed} >= {"onnxruntime", "msgspec", "mlflow"}


def test_every_field_that_a_row_has_is_asked_for(trained: Path) -> None:
    examples = json.loads((trained / EXAMPLES).read_text())
    signature = loadable.signature(examples)

    assert signature.inputs.input_names() == list(examples[0]["row"])
    kinds = dict(zip(signature.inputs.input_names(), signature.inputs.input_types(), strict=True))
    assert (kinds["carrier"].name, kinds["month"].name) == ("string", "long")
    assert kinds["temperature"].name == "double"
    assert signature.outputs.input_names() == ["prediction"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "long"),
        ([1, 2.5], "double"),
        ([1, None], "double"),
        ([None, None], "double"),
        ([True, False], "boolean"),
        (["a", None], "string"),
    ],
)
def test_a_column_is_what_its_rows_say(values: list[object], kind: str) -> None:
    assert loadable.kind({type(value) for value in values}) == kind


def test_requirements_are_the_locks_without_hashes() -> None:
    assert loadable.requirements(LOCK) == [
        "annotated-types==0.8.0",
        "numpy==2.4.6 ; python_full_version < '3.12'",
        "uvicorn[standard]==0.54.0 ; sys_platform != 'win32' and python_version >= '3.11'",
    ]
