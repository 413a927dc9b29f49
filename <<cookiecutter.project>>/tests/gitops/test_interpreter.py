"""A service runs on its own lock: made once, whole or not at all."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gitops.settings import Refused
from gitops.targets import interpreter
from gitops.targets.interpreter import make
from tests.projects import ROOT, succeed

# Small, and in the shipped lock: what holds for one package holds for all.
PACKAGE = "h11"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release that asks for one package."""
    folder = tmp_path / "release"
    (folder / "requirements").mkdir(parents=True)
    lines = (ROOT / interpreter.LOCK).read_text().splitlines(keepends=True)
    start = next(place for place, line in enumerate(lines) if line.startswith(f"{PACKAGE}=="))
    end = next(n for n in range(start + 1, len(lines)) if not lines[n].startswith(" "))
    (folder / interpreter.LOCK).write_text("".join(lines[start:end]))
    (folder / interpreter.INSTALLER).write_text((ROOT / interpreter.INSTALLER).read_text())
    return folder


def test_it_has_what_the_lock_names_and_nothing_else(release: Path, tmp_path: Path) -> None:
    python = make(tmp_path / "home", release)

    code = "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"
    assert succeed(str(python), "-I", "-c", code, cwd=tmp_path).split() == [PACKAGE]
    assert python.is_relative_to(tmp_path / "home" / "interpreters")


def test_it_is_made_once_for_a_lock(release: Path, tmp_path: Path) -> None:
    first = make(tmp_path, release)
    stamp = first.parent.stat().st_mtime_ns

    assert make(tmp_path, release) == first
    assert first.parent.stat().st_mtime_ns == stamp
    (release / interpreter.LOCK).write_text("")
    assert make(tmp_path, release) != first


def test_two_at_once_make_one(release: Path, tmp_path: Path) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(make(tmp_path, release))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert len(found) == 2
    assert len(set(found)) == 1
    names = sorted(path.name for path in (tmp_path / "interpreters").iterdir())
    assert names == [found[0].parents[1].name, "lock"]


def test_what_a_killed_one_left_is_not_used_and_removed(release: Path, tmp_path: Path) -> None:
    left = tmp_path / "interpreters" / ".half" / "made"
    left.mkdir(parents=True)

    make(tmp_path, release)

    assert not left.parent.exists()


def test_one_whose_python_is_gone_is_made_anew(release: Path, tmp_path: Path) -> None:
    python = make(tmp_path, release)
    python.unlink()

    assert make(tmp_path, release).exists()


def test_a_package_that_is_not_what_the_lock_says_is_refused(release: Path, tmp_path: Path) -> None:
    lock = release / interpreter.LOCK
    text = lock.read_text()
    known = text.split("sha256:")[1][:64]
    lock.write_text(f"{PACKAGE}==0.16.0 --hash=sha256:{known[::-1]}\n")

    with pytest.raises(Refused, match="the service's packages can't be installed") as caught:
        make(tmp_path, release)

    assert "hash" in str(caught.value).lower()
    assert [path.name for path in (tmp_path / "interpreters").iterdir()] == ["lock"]


def test_a_release_without_locks_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"requirements/serving\.txt: not there"):
        make(tmp_path, tmp_path)


def test_an_installer_that_hangs_is_not_waited_for(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "SECONDS", 0.001)

    with pytest.raises(Refused, match=r"venv: not done after 0\.001 s"):
        interpreter.install(tmp_path / "made", release / interpreter.LOCK)


def test_the_installer_is_that_of_this_environment() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split()[1] in (ROOT / interpreter.INSTALLER).read_text()
