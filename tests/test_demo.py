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

import docker  # type: ignore[import-untyped]
import docker.errors  # type: ignore[import-untyped]
import psutil  # type: ignore[import-untyped]
import pytest

import demo
from baking import ROOT, clean_environment
from gitops.context import stack_here
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


def forget(home: Path) -> None:
    """Remove what services kept: a stop leaves that to the next start."""
    stack = stack_here("flights", home)
    client = docker.from_env(timeout=10)
    kept = client.volumes.list(filters={"name": stack})
    assert kept
    for volume in kept:
        volume.remove()


def assert_released(work: Path) -> None:
    """Assert that each environment runs the image which its release names, by digest."""
    python = work / ".venv/bin/python"
    status = [str(python), "-m", "gitops", "status", "--json"]
    told = subprocess.run(status, cwd=work, capture_output=True, check=True).stdout
    client = docker.from_env(timeout=10)
    for place in json.loads(told)["places"]:
        tag = [
            "git",
            "for-each-ref",
            "--format=%(contents)",
            f"refs/tags/release/{place['tree'][:12]}",
        ]
        record = json.loads(subprocess.run(tag, cwd=work, capture_output=True, check=True).stdout)
        assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", record["image"])
        assert place["image"] == record["image"]
        wanted = [f"gitops.image={record['image']}", f"gitops.number={place['number']}"]
        found = client.containers.list(filters={"label": wanted})
        assert {one.attrs["Config"]["Image"] for one in found} == {record["image"]}


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


def engine() -> str | None:
    """Return why no container can be run here, or nothing where one can."""
    try:
        docker.from_env(timeout=10).close()
    except docker.errors.DockerException as error:
        return f"no container engine answers: {error}"
    return None


needs_engine = pytest.mark.skipif(bool(reason := engine()), reason=str(reason))


@pytest.mark.parametrize("target", ["process", pytest.param("docker", marks=needs_engine)])
def test_the_whole_story(tmp_path: Path, target: str) -> None:
    first = ports(3)[0]
    chosen = ("--target", target) if target != "process" else ()
    process = start(tmp_path, "--every", "40", "--port", str(first), *chosen)
    output, _ = process.communicate()
    project = tmp_path / "flights"
    try:
        assert process.returncode == 0, output
        assert re.search(r"^ *prod +main .*http://127.0.0.1:\d+ *$", output, re.MULTILINE)
        assert "Everything agrees with git; each service holds" in output
        assert output.count("Promote to ") == 4
        asked = re.search(r"curl -s -H '(.+)' -d (@\S+) (\S+)$", output, re.MULTILINE)
        assert asked
        kind, data, url = asked.groups()
        command = ["curl", "--silent", "--max-time", "10", "--header", kind, "--data", data, url]
        answer = subprocess.run(command, capture_output=True, check=True).stdout
        (prediction,) = json.loads(answer)["predictions"]
        assert 0 < prediction < 1
        done = subprocess.run(
            ["git", "status", "--porcelain"], cwd=project, capture_output=True, check=True
        )
        assert done.stdout == b""
        if target == "docker":
            assert_released(project / ".rehearsal/work")
    finally:
        demo.stop(project)
        if target == "docker":
            forget(project / ".rehearsal/origin.forge")
    assert members(project / ".rehearsal") == []
