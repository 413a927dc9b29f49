"""What declares the ground is run once for the same files and settings."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from ground import settings, synthesis
from ground.home import Home
from ground.settings import Refused
from ground.synthesis import synthesise
from grounds import Trial

if TYPE_CHECKING:
    from pathlib import Path

STACK = "stack/stacks/ground/cdk.tf.json"


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path, "once")


@pytest.fixture
def home(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("GROUND_HOME", str(trial.home.parent))
    return Home.of(settings.read(trial.file))


@pytest.fixture
def runs(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the exit codes of the program, which is none of ours here."""
    codes: list[int] = []

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        codes.append(0)
        (trial.home / STACK).parent.mkdir(parents=True, exist_ok=True)
        (trial.home / STACK).write_text("{}")
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return codes


def test_the_same_is_declared_once(trial: Trial, home: Home, runs: list[int]) -> None:
    synthesise(home, trial.file)
    synthesise(home, trial.file)
    assert len(runs) == 1


def test_another_setting_is_declared(trial: Trial, home: Home, runs: list[int]) -> None:
    synthesise(home, trial.file)
    trial.file.write_text(trial.file.read_text().replace("metrics_days = 30", "metrics_days = 31"))
    synthesise(home, trial.file)
    assert len(runs) == 2


def test_another_image_is_declared(
    trial: Trial, home: Home, runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesise(home, trial.file)
    monkeypatch.setenv("GROUND_STORE_IMAGE", "store:other")
    synthesise(home, trial.file)
    assert len(runs) == 2


def test_another_program_is_run(
    trial: Trial, home: Home, runs: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synthesise(home, trial.file)
    (tmp_path / "main.py").write_text("print()\n")
    monkeypatch.setattr(synthesis, "HERE", tmp_path)
    synthesise(home, trial.file)
    assert len(runs) == 2


def test_what_a_hand_has_changed_is_declared_again(
    trial: Trial, home: Home, runs: list[int]
) -> None:
    synthesise(home, trial.file)
    (trial.home / STACK).write_text('{"resource": {}}')
    synthesise(home, trial.file)
    assert len(runs) == 2


def test_what_has_failed_is_run_again(
    trial: Trial, home: Home, runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesise(home, trial.file)
    trial.file.write_text(trial.file.read_text().replace("metrics_days = 30", "metrics_days = 31"))
    fine = subprocess.run
    failed = subprocess.CompletedProcess([], 1, "", "error: it is not\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    for _ in range(2):
        with pytest.raises(Refused, match="it is not"):
            synthesise(home, trial.file)
    monkeypatch.setattr(subprocess, "run", fine)
    synthesise(home, trial.file)
    assert len(runs) == 2
