"""The demo tells its whole story on a few thousand flights, and ends cleanly whatever happens."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = ROOT / "<<cookiecutter.project>>"


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


@pytest.mark.parametrize(("name", "old", "new"), [*demo.CHANGES, ("params.yaml", "every: 1 ", "")])
def test_what_it_changes_stands_in_the_template_once(name: str, old: str, new: str) -> None:
    assert (TEMPLATE / name).read_text("utf-8").count(old) == 1
    assert old != new


def test_a_text_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: 1\n")
    with pytest.raises(SystemExit, match=r"params.yaml: 'b: 1' stands there 0 times"):
        demo.Demo(tmp_path).edit("params.yaml", "b: 1", "b: 2")


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
    process = start(tmp_path, "--every", "40")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    report = tmp_path / "flights/reports/review.md"
    assert str(report) in output
    assert str(report.with_suffix(".html")) in output
    verdict = [line for line in report.read_text("utf-8").splitlines() if line.strip()][1]
    assert verdict in output
    git = ["git", "-C", str(tmp_path / "flights")]
    log = [*git, "log", "--format=%D"]
    done = subprocess.run(log, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["HEAD -> second-model", "first-model, dev", "uat, main"]
    status = subprocess.run([*git, "status", "--porcelain"], capture_output=True, check=True)
    assert status.stdout == b""
