"""One at a time, and nobody is locked out by the dead."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gitops.lock import held
from gitops.settings import Refused
from tests.projects import ROOT


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    path, seen = tmp_path / "folder" / "lock", []

    def other() -> None:
        with held(path, 30):
            seen.append("second")

    thread = threading.Thread(target=other)
    with held(path, 30):
        thread.start()
        thread.join(0.2)
        seen.append("first")
    thread.join(30)

    assert seen == ["first", "second"]


def test_one_that_is_held_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        held(path, 1),
        pytest.raises(Refused, match="lock: held by another process"),
        held(path, 0),
    ):
        pass
    with held(path, 0):
        pass


def test_a_killed_holder_gives_it_back(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from gitops.lock import held\n"
        "with held(Path(sys.argv[1]), 1): print('held', flush=True); time.sleep(600)"
    )
    words = [sys.executable, "-B", "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Refused), held(tmp_path / "lock", 0):
            pass
        holder.kill()
    with held(tmp_path / "lock", 30):
        pass
