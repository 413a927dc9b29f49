"""A store, a cache or a run that breaks is noticed, costs no good file, and can be run again."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from pipeline import files
from tests.projects import change_params, clone_of, command, copy_of, stages_run, succeed

DEADLINE = 120  # seconds; far more than any wait here needs
MODEL = [files.ONNX, files.TEXT, files.SIGNATURE, files.LEARNING]


def object_of(repository: Path, path: Path) -> Path:
    """The file of the store that holds an output, by dvc.lock."""
    lock = yaml.safe_load((repository / "dvc.lock").read_text())
    hashes = {out["path"]: out["md5"] for s in lock["stages"].values() for out in s["outs"]}
    name = str(hashes[str(path)])
    return repository.parent / "store/files/md5" / name[:2] / name[2:]


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert "Traceback" not in done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith("ERROR")]


def wait(until: Callable[[], object], what: str) -> None:
    started = time.monotonic()
    while not until():
        assert time.monotonic() - started < DEADLINE, what
        time.sleep(0.02)


@pytest.mark.parametrize("mode", [0o444, 0o644], ids=["read-only", "writable"])
def test_a_damaged_object_of_the_store_is_never_used(
    pipeline_run: Path, tmp_path: Path, mode: int
) -> None:
    repository = copy_of(pipeline_run, tmp_path)
    damaged = object_of(repository, files.ONNX)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 255
    damaged.chmod(0o644)
    damaged.write_bytes(content)
    damaged.chmod(mode)  # a file that looks untouched is believed, unless the store is verified
    clone = clone_of(repository)

    done = command("dvc", "pull", cwd=clone)

    assert done.returncode == 1
    (error,) = errors(done)
    assert "failed to pull data" in error
    assert str(files.ONNX) in done.stderr
    assert not (clone / files.ONNX).exists()
    assert files.sha256(clone / files.TEXT) == files.sha256(repository / files.TEXT)


def test_a_store_that_is_not_there_is_an_error(pipeline_run: Path, tmp_path: Path) -> None:
    repository = copy_of(pipeline_run, tmp_path)
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    clone = clone_of(repository)

    done = command("dvc", "pull", cwd=clone)

    assert done.returncode == 1
    assert len(errors(done)) == 1


def test_a_store_that_cannot_be_written_is_an_error(pipeline_run: Path, tmp_path: Path) -> None:
    repository = copy_of(pipeline_run, tmp_path)
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    (tmp_path / "store").touch()

    done = command("dvc", "push", "--run-cache", cwd=repository)

    assert done.returncode != 0
    assert errors(done)


def test_a_cache_that_cannot_be_written_is_an_error_and_loses_nothing(
    pipeline_run: Path, tmp_path: Path
) -> None:
    repository = copy_of(pipeline_run, tmp_path)
    before = [files.sha256(repository / path) for path in MODEL]
    (tmp_path / "file").touch()
    change_params(repository, validate={"bins": 12})
    succeed("dvc", "config", "--local", "cache.dir", str(tmp_path / "file"), cwd=repository)

    done = command("dvc", "repro", "validate", cwd=repository)

    assert done.returncode != 0
    (error,) = errors(done)
    assert "Not a directory" in error
    assert [files.sha256(repository / path) for path in MODEL] == before
    assert succeed("git", "status", "--porcelain", cwd=repository) == " M params.yaml\n"
    succeed("dvc", "config", "--local", "--unset", "cache.dir", cwd=repository)
    assert stages_run(succeed("dvc", "repro", "validate", cwd=repository)) == ["validate"]


def runs(repository: Path) -> int:
    with closing(sqlite3.connect(repository / "mlflow.db", timeout=60)) as database:
        found: int = database.execute("SELECT count(*) FROM runs").fetchone()[0]
    return found


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_training_that_was_killed_is_run_again_to_the_same_bytes(
    pipeline_run: Path, tmp_path: Path
) -> None:
    original = copy_of(pipeline_run, tmp_path)
    # The store has lost the model: it must be trained again, by a clone as by anyone.
    object_of(original, files.ONNX).unlink()
    repository = clone_of(original)
    shutil.copy(original / "mlflow.db", repository)
    known = runs(repository)
    process = subprocess.Popen(
        ["dvc", "repro", "--pull", "train"], cwd=repository, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    wait(lambda: runs(repository) > known or process.poll() is not None, "no training began")
    assert process.poll() is None, "the training ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait(lambda: not alive(process.pid), "the training outlived its signal")
    assert not (repository / files.ONNX).exists()
    said = succeed("dvc", "repro", "--pull", "train", cwd=repository)

    assert stages_run(said) == ["train"]
    assert [files.sha256(repository / path) for path in MODEL] == [
        files.sha256(pipeline_run / path) for path in MODEL
    ]
