"""params.yaml is right, or refused with file, key, value and rule."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from pipeline import params
from pipeline.stage import StageError
from tests.projects import ROOT

SHIPPED = ROOT / "params.yaml"
# Settings of the tests' own: the shipped ones change with the model.
RIGHT = """
ingest: {from: 1, until: 12, every: 1}
validate: {bins: 10}
features: {holdout: 1, validation: 1, smoothing: 200}
train: {objective: binary, metric: [auc], learning_rate: 0.05, num_leaves: 31,
  min_data_in_leaf: 200, feature_fraction: 0.8, lambda_l2: 10.0, num_iterations: 400,
  early_stopping: 40, threads: 2, seed: 2013}
evaluate: {primary: roc_auc, threshold: null, slices: [], repeats: 2, seed: 1}
gates: {limits: {}, margin: 0.0, slice_limit: 0.5, slice_rows: 1, model_bytes: 1, violations: 0}
"""


def refused(path: Path, change: dict[str, dict[str, Any]], drop: str = "") -> str:
    """What is said of the right settings with `change` made."""
    known = yaml.safe_load(RIGHT)
    for block, keys in change.items():
        known.setdefault(block, {}).update(keys)
    if drop:
        block, _, key = drop.partition(".")
        del (known[block] if key else known)[key or block]
    (path / "params.yaml").write_text(yaml.safe_dump(known))
    with pytest.raises(StageError) as caught:
        params.read(path / "params.yaml")
    return str(caught.value).removeprefix(str(path) + "/")


def test_the_shipped_settings_are_valid() -> None:
    settings = params.read(SHIPPED)

    assert settings.ingest.first <= settings.ingest.until
    assert settings.evaluate.slices


def test_every_shipped_number_has_its_reason_beside_it() -> None:
    numbers = re.findall(r"(?m)^ +\w+: +[-\d.]+\b(.*)$", SHIPPED.read_text())

    assert len(numbers) > 20
    assert [line for line in numbers if not re.match(r" +# \w", line)] == []


def test_settings_are_frozen() -> None:
    settings = params.read(SHIPPED)

    with pytest.raises(ValidationError, match="frozen"):
        settings.train.seed = 1
    with pytest.raises(ValidationError, match="frozen"):
        settings.ingest = settings.ingest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": {"sead": 1}}, "params.yaml: train.sead: unknown key; remove it or correct"),
        ({"trian": {}}, "params.yaml: trian: unknown key; remove it or correct its name"),
        ({"train": {"seed": "1"}}, "params.yaml: train.seed = '1': Input should be a valid int"),
        ({"train": {"seed": 1.5}}, "params.yaml: train.seed = 1.5: Input should be a valid int"),
        ({"train": {"seed": True}}, "params.yaml: train.seed = True: Input should be a valid int"),
        ({"train": {"seed": None}}, "params.yaml: train.seed = None: Input should be a valid int"),
        ({"train": {"metric": "auc"}}, "params.yaml: train.metric = 'auc': Input should be a v"),
        ({"train": {"metric": []}}, "params.yaml: train.metric = []: List should have at least 1"),
        ({"train": {"objective": "rank"}}, "params.yaml: train.objective = 'rank': Input should"),
        ({"train": {"learning_rate": 0.0}}, "params.yaml: train.learning_rate = 0.0: Input should"),
        ({"train": {"lambda_l2": float("nan")}}, "params.yaml: train.lambda_l2 = nan: Input sho"),
        ({"ingest": {"until": 13}}, "params.yaml: ingest.until = 13: Input should be less than or"),
        ({"ingest": {"from": 0}}, "params.yaml: ingest.from = 0: Input should be greater than or"),
        ({"ingest": {"every": 0}}, "params.yaml: ingest.every = 0: Input should be greater than"),
        ({"ingest": {"from": 9, "until": 3}}, "params.yaml: ingest: until (3) is before from (9)"),
        ({"validate": {"bins": 1}}, "params.yaml: validate.bins = 1: Input should be greater"),
        (
            {"ingest": {"from": 11}},
            "params.yaml: the holdout would lie inside training: features.holdout and "
            "features.validation take 2 months, and ingest.from to ingest.until has 2",
        ),
        (
            {"features": {"holdout": 12}},
            "params.yaml: the holdout would lie inside training: features.holdout and",
        ),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_with_file_key_value_and_rule(
    tmp_path: Path, change: dict[str, dict[str, Any]], message: str
) -> None:
    said = refused(tmp_path, change)

    assert said.startswith(message)
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("key", ["train.seed", "ingest.from", "validate.bins", "gates"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    assert refused(tmp_path, {}, drop=key) == f"params.yaml: {key}: missing; add it"


def test_every_wrong_key_has_its_line(tmp_path: Path) -> None:
    said = refused(tmp_path, {"train": {"seed": "x"}, "gates": {"nonsense": 1}}).splitlines()

    assert len(said) == 2
    assert "train.seed = 'x'" in said[0]
    assert "gates.nonsense" in said[1]


def test_one_month_more_than_is_held_out_is_enough(tmp_path: Path) -> None:
    known = yaml.safe_load(RIGHT)
    known["ingest"]["from"] = 10
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(known))

    assert params.read(tmp_path / "params.yaml").ingest.first == 10


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("train: {", "not YAML"),
        ("train:\n\t- 1", "not YAML"),
        ("a: b: c", "not YAML"),
        ("", "Input should be a valid dictionary"),
        ("- 1", "Input should be a valid dictionary"),
        ("\x00", "not YAML"),
    ],
)
def test_what_is_no_settings_is_one_clear_error(tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)

    with pytest.raises(StageError, match=rule) as caught:
        params.read(path)

    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value).splitlines()) == 1


def test_bytes_that_are_no_text_are_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"train: \xff\xfe")

    with pytest.raises(StageError, match=r"params\.yaml: not "):
        params.read(path)


def test_no_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"params\.yaml: not there; run from the project's root"):
        params.read(tmp_path / "params.yaml")
