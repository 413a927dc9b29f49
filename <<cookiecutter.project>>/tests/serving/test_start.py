"""A service is put together from its release, or refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import files
from pipeline.stage import StageError
from serving import release, settings, start
from serving.predictions.log import Log
from serving.predictions.nolog import NoLog
from serving.service import Service
from tests.serving import bundles


@pytest.fixture
def folder(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = bundles.copy_of(bundle, tmp_path / "bundle")
    monkeypatch.chdir(folder)
    for name in ("PREDICTION_LOG_URL", "API_KEYS_FILE", "LOG_HASH_KEY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def made(folder: Path, state: Path | None = None) -> Service:
    bundles.seal(folder, "b" * 40)
    held = release.read(folder)
    return start.service(held, settings.read("dev"), "dev", 7, state, lambda: False)[0]


def test_it_says_what_it_is(folder: Path) -> None:
    service = made(folder)

    about = service.about
    assert (about.project, about.environment, about.number) == ("flights", "dev", 7)
    assert (about.release, about.model) == ("b" * 40, service.release.model_sha256)
    assert (about.target, about.objective) == ("late", "binary")
    assert about.threshold == files.read_json(folder / files.DECISION)["threshold"]
    assert (about.rows, about.request_kb, about.keys) == (10000, 1024, False)


def test_the_ranges_are_those_of_the_training(folder: Path) -> None:
    ranges = made(folder).metrics.ranges

    assert "distance" in ranges.bounds
    assert not ranges.bounds.keys() & {"id", "origin", "late"}


def test_without_a_threshold_nothing_is_decided(folder: Path) -> None:
    path = folder / files.DECISION
    path.write_text(json.dumps(files.read_json(path) | {"threshold": None}))

    assert made(folder).about.threshold is None


def without_project(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / files.CONTRACT).unlink(), "names no models/contract.json"),
        (lambda folder: (folder / files.CONTRACT).write_text("[]"), "no contract"),
        (lambda folder: (folder / files.DECISION).write_text("[]"), "decision.json or pyproject"),
        (lambda folder: (folder / files.DECISION).write_text("{}"), "decision.json or pyproject"),
        (without_project, r"decision\.json or pyproject\.toml: not of a release"),
    ],
)
def test_a_damaged_release_is_one_clear_error(
    folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(folder)

    with pytest.raises(StageError, match=message):
        made(folder)


def test_without_a_place_nothing_is_kept(folder: Path) -> None:
    assert isinstance(made(folder).log, NoLog)


def test_predictions_are_kept_in_the_state_folder(folder: Path, tmp_path: Path) -> None:
    service = made(folder, tmp_path / "state")

    assert isinstance(service.log, Log)
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_another_database_is_named_by_the_environment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREDICTION_LOG_URL", "moon://XSECRETX")

    with pytest.raises(StageError, match="PREDICTION_LOG_URL") as caught:
        made(folder, tmp_path / "state")

    assert "XSECRETX" not in str(caught.value)


def test_the_key_of_private_fields_comes_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made(folder).hash_key == b""
    monkeypatch.setenv("LOG_HASH_KEY", "a key")
    assert made(folder).hash_key == b"a key"


def test_what_is_secret_may_come_from_a_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_HASH_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(StageError, match=r"LOG_HASH_KEY_FILE: .*/key: No such file"):
        made(folder)
    (tmp_path / "key").write_text("a key\n")
    assert made(folder).hash_key == b"a key"
