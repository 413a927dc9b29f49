"""A model answers from its files alone, and a damaged file is one clear error."""

import os
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from pipeline import features, files, model
from pipeline.stage import StageError
from tests.projects import ROOT


def rows() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """All rows, then all rows again with numbers missing at random places."""
    values = files.read_parquet(files.FEATURES).select(features.NAMES).to_numpy().copy()
    holes = values.copy()
    holes[np.random.default_rng(1).random(holes.shape) < 0.2] = np.nan
    return np.concatenate([values, holes, np.full((1, values.shape[1]), np.nan, np.float32)])


def test_onnx_and_text_agree_on_all_rows_with_and_without_numbers(after_training: Path) -> None:
    values = rows()
    assert np.isnan(values).any()

    said = model.load(threads=1).predict(values)

    expected = lightgbm.Booster(model_file=str(files.TEXT)).predict(values)
    assert said.dtype == np.float32
    assert said.shape == (len(values),)
    np.testing.assert_allclose(said, expected, rtol=0, atol=1e-6)


def test_nothing_is_kept_or_sent_about_who_runs_it(after_training: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    line = "from pipeline import model; model.load(threads=1)"
    # Under CI it is silent of its own accord.
    words = ["env", "-u", "CI", f"HOME={home}", sys.executable, "-B", "-c", line]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(words, check=True, env=path, timeout=60)
    assert list(home.rglob("*")) == []


def test_one_row_is_answered_as_many_are(after_training: Path) -> None:
    values, loaded = rows()[:50], model.load(threads=1)

    alone = [loaded.predict(values[place : place + 1])[0] for place in range(50)]

    np.testing.assert_allclose(alone, loaded.predict(values), rtol=0, atol=1e-7)


def test_the_number_of_threads_moves_an_answer_by_no_more_than_rounding(
    after_training: Path,
) -> None:
    values = rows()
    one, two = (model.load(threads).predict(values) for threads in (1, 2))

    np.testing.assert_allclose(one, two, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(model.load(threads=2).predict(values), two)


def test_the_signature_names_the_features_in_their_order(after_training: Path) -> None:
    assert model.load(threads=1).features == features.NAMES


def test_no_training_library_is_needed(after_training: Path) -> None:
    code = (
        "import sys; from pipeline import model; model.load(1);"
        "print(sorted({'lightgbm', 'onnxmltools', 'sklearn', 'mlflow'} & sys.modules.keys()))"
    )
    (after_training / "pipeline").symlink_to(ROOT / "pipeline")

    said = subprocess.check_output([sys.executable, "-B", "-c", code], text=True, timeout=120)

    assert said.strip() == "[]"


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-1000], lambda b: b"x" * len(b)])
def test_a_damaged_model_is_one_clear_error(after_training: Path, damage: object) -> None:
    assert callable(damage)
    files.ONNX.write_bytes(damage(files.ONNX.read_bytes()))

    with pytest.raises(StageError, match=r"models/model\.onnx: can't be opened") as caught:
        model.load(threads=1)

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", [files.ONNX, files.SIGNATURE])
def test_a_model_that_is_not_there_is_named(after_training: Path, name: Path) -> None:
    name.unlink()

    with pytest.raises(StageError, match=f"{name}: not there"):
        model.load(threads=1)
