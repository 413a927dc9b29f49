"""The model of a release is opened from the bytes that were checked."""

import json
from pathlib import Path

import polars as pl
import pytest

from pipeline import features, files
from pipeline.stage import StageError
from serving import model, release
from tests.serving import bundles


def test_it_answers_as_the_evaluation_did(bundle: Path, trained: Path, raw: pl.DataFrame) -> None:
    predictor = model.load(release.read(bundle))
    kept = files.read_parquet(trained / files.PREDICTIONS)
    rows = kept.select("id").join(raw, on="id", maintain_order="left")

    said = predictor(features.columns_of(rows))

    assert said.tolist() == pytest.approx(kept["prediction"].to_list(), abs=1e-6)


def test_nothing_is_read_from_the_disk_again(bundle: Path, tmp_path: Path) -> None:
    folder = bundles.copy_of(bundle, tmp_path / "bundle")
    held = release.read(folder)
    for path in (folder / "models").iterdir():
        path.unlink()

    assert model.load(held).model.features == features.NAMES


def test_a_model_of_other_features_is_refused(bundle: Path) -> None:
    held = release.read(bundle)
    signature = json.loads(held.bytes(files.SIGNATURE))
    signature["features"] = signature["features"][::-1]
    held.files[str(files.SIGNATURE)] = json.dumps(signature).encode()

    with pytest.raises(StageError, match=r"signature\.json: its features are not those of"):
        model.load(held)


def test_bytes_that_are_no_model_are_refused(bundle: Path) -> None:
    held = release.read(bundle)
    held.files[str(files.ONNX)] = b"x"

    with pytest.raises(StageError, match=r"model\.onnx: can't be opened"):
        model.load(held)
