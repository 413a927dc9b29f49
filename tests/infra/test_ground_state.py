"""A ground whose state lies in a bucket, made from two machines: one at a time, and a lock ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest
from tests.gitops import buckets
from tests.serving.bundles import until

from grounds import SECONDS, Trial, kill, missing, things

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

why = missing()
pytestmark = pytest.mark.skipif(why is not None, reason=str(why))
BUCKET = "states"


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    """Return a ground that is not made yet; whatever happens, it goes."""
    with buckets.store(tmp_path / "store", BUCKET, monkeypatch) as endpoint:
        found = Trial(tmp_path, f"shared-{os.getpid()}")
        with found.file.open("a") as file:
            file.write(f'\n[state]\nbucket = "{BUCKET}"\nendpoint = "{endpoint}"\n')
        try:
            yield found
        finally:
            lock(found).unlink(missing_ok=True)
            if found.home.exists():
                found.run("destroy", "--force")


def lock(trial: Trial) -> Path:
    return trial.folder / "store" / BUCKET / f"ground/{trial.name}.tfstate.tflock"


def test_two_at_once_are_one_and_a_lock_that_was_left_is_freed_as_told(trial: Trial) -> None:
    """The second is another machine: a home of its own, with the same passwords."""
    other = {"GROUND_HOME": str(trial.folder / "other")}
    with trial.begun("up", until="made: network") as (first, _):
        below = psutil.Process(first.pid).children()
        (working,) = (one for one in below if one.name() == "terraform")
        working.suspend()  # however long the others take, it is not done meanwhile
        assert lock(trial).exists()
        assert "another run is at work here: wait until it ends" in trial.run("plan").stderr
        said = trial.run("plan", **other).stderr
        assert "passwords: the passwords are not here" in said
        shutil.copytree(trial.home / "passwords", trial.folder / "other" / trial.name / "passwords")
        said = trial.run("up", **other).stderr
        assert "error: the state is locked by " in said
        assert "wait until that run ends" in said
        working.resume()
        os.killpg(first.pid, signal.SIGINT)  # as a terminal does
        told, _ = first.communicate(timeout=SECONDS)
    assert told.splitlines()[-1].startswith("Stopped.")
    assert not lock(trial).exists()

    with trial.begun("up", until="planned: ") as (second, _):
        until(lock(trial).exists)
        kill(second.pid)
    said = trial.run("up", **other).stderr
    (command,) = re.findall(r"where it was killed, free it with\n  (.*)", said)
    env = trial.environment()
    subprocess.run(["sh", "-c", command], env=env, check=True, capture_output=True, timeout=SECONDS)
    assert not lock(trial).exists()
    assert trial.run("plan", **other).returncode == 2
    trial.done("destroy", "--force")
    assert {one for names in things().values() for one in names if trial.name in one} == set()
