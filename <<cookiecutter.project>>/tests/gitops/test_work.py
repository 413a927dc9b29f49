"""A run has a number, a folder that goes and a log that stays."""

import fcntl
import os
import sys
from pathlib import Path

import pytest

from gitops.forges import work
from gitops.settings import Refused


def test_a_command_writes_to_the_log_and_its_code_is_told(tmp_path: Path) -> None:
    with work.begin(tmp_path, "deliver") as here:
        code = here.run("sh", "-c", "pwd; echo $A >&2; exit 3", cwd=here.folder, env={"A": "1"})
    assert code == 3
    assert here.log == tmp_path / "1-deliver.log"
    assert here.log.read_text() == f"{here.folder}\n1\n"


def test_folders_go_and_numbers_go_on(tmp_path: Path) -> None:
    with work.begin(tmp_path, "one") as first, work.begin(tmp_path, "two") as second:
        assert (first.number, second.number) == (1, 2)
        (first.tmp / "file").touch()
        (first.folder / "file").touch()
    assert not first.folder.exists()
    assert not first.tmp.exists()
    with work.begin(tmp_path, "one") as third:
        assert third.number == 3
    assert len(list(tmp_path.glob("*.log"))) == 3


def test_a_temporary_folder_has_a_short_name(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    with work.begin(deep, "one") as here:
        assert deep not in here.tmp.parents
        assert here.tmp.is_dir()


def test_what_was_left_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    used, unused = tmp_path / "work/4", tmp_path / "work/7"
    for folder in (used, unused):
        folder.mkdir(parents=True)
    lock = os.open(used, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with work.begin(tmp_path, "one") as here:
        assert here.number == 5
        assert used.exists()
        assert not unused.exists()
    os.close(lock)
    with work.begin(tmp_path, "one"):
        assert not used.exists()


def test_a_command_that_fails_to_start_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), work.begin(tmp_path, "one") as here:
        here.run("no-such-program", cwd=here.folder, env={})
    assert not here.folder.exists()


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SECONDS", 1)
    monkeypatch.setattr(work, "GRACE", 0.5)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    with pytest.raises(Refused, match=r"not done after 1 s, and ended; see .*1-one\.log"):  # noqa: SIM117
        with work.begin(tmp_path, "one") as here:
            here.run(sys.executable, "-c", deaf, cwd=here.folder, env=os.environ)
    assert work.free(here.folder)
