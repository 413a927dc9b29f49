"""The demo tells its whole story on a few thousand flights, and ends cleanly whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

import demo
from baking import ROOT, clean_environment
from worlds import ports

if TYPE_CHECKING:
    from pathlib import Path


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo in a folder of the test."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "demo.py"), "--folder", str(folder), *options],
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def members(folder: Path) -> list[str]:
    """Return the commands of the processes that work in the folder."""
    processes = psutil.process_iter(["cwd", "cmdline"])
    commands = [" ".join([p.info["cwd"] or "", *(p.info["cmdline"] or [])]) for p in processes]
    return [command for command in commands if str(folder) in command]


def test_a_folder_of_somebody_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    process = start(tmp_path)
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "holds files of no demo" in output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failed_step_shows_its_last_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.make_anew(tmp_path)
    command = (sys.executable, "-c", "print(*range(100), sep='\\n'); raise SystemExit(3)")
    with pytest.raises(SystemExit) as stop:
        demo.Demo(tmp_path).step("Count", *command)
    lines = str(stop.value).splitlines()
    assert lines[:40] == [str(number) for number in range(60, 100)]
    assert f"see {tmp_path / 'demo.log'}" in str(stop.value)
    assert re.search(r"Count +\d+\.\d s", capsys.readouterr().out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_its_children(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path)
    while not (tmp_path / "flights/.venv").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    output, _ = process.communicate()
    assert process.returncode == 130
    assert "make demo starts afresh" in output
    assert members(tmp_path) == []
    demo.make_anew(tmp_path)
    assert os.listdir(tmp_path) == ["demo.log"]  # noqa: PTH208


def test_the_whole_story(tmp_path: Path) -> None:
    first = ports(3)[0]
    process = start(tmp_path, "--every", "40", "--port", str(first))
    output, _ = process.communicate()
    project = tmp_path / "flights"
    try:
        assert process.returncode == 0, output
        assert re.search(r"^ *prod +main .*http://127.0.0.1:\d+ *$", output, re.MULTILINE)
        assert "Everything agrees with git; each service holds" in output
        assert output.count("Promote to ") == 4
        asked = re.search(r"curl -s -d (@\S+) (\S+)$", output, re.MULTILINE)
        assert asked
        command = ["curl", "--silent", "--max-time", "10", "--data", *asked.groups()]
        answer = subprocess.run(command, capture_output=True, check=True).stdout
        (prediction,) = json.loads(answer)["predictions"]
        assert 0 < prediction < 1
        done = subprocess.run(
            ["git", "status", "--porcelain"], cwd=project, capture_output=True, check=True
        )
        assert done.stdout == b""
    finally:
        demo.stop(project)
    assert members(project / ".rehearsal") == []
