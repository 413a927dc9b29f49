"""A file between stages is whole or absent, whatever happens while it is written."""

import hashlib
import json
import sys
from pathlib import Path

import polars as pl
import pytest

from pipeline import files
from pipeline.stage import StageError
from tests.projects import ROOT, command

FULL_DISK = """
import resource, signal
from pathlib import Path
import polars as pl
from pipeline import files, stage

def main():
    # The kernel refuses the byte after the limit, as a full disk does.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    {write}

stage.run("features", main)
"""


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_write_makes_its_folders_and_is_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "a/b/value.json"

    files.write_json(path, {"é": [1, None]})

    assert json.loads(path.read_text()) == {"é": [1, None]}
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    files.write_json(path, "old")

    def write() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write()

    assert json.loads(path.read_text()) == "old"
    assert listed(tmp_path) == ["value.json"]


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    files.write_json(path, "old")

    with files.replacing(path) as temporary:
        temporary.write_text('"new"')
        assert json.loads(path.read_text()) == "old"

    assert json.loads(path.read_text()) == "new"


@pytest.mark.parametrize(
    "write",
    [
        "files.write_json(Path('kept'), list(range(10_000)))",
        "files.write_parquet(Path('kept'), pl.DataFrame({'a': pl.arange(0, 99_999, eager=True)"
        " * 7919 % 99_991}))",
    ],
    ids=["json", "parquet"],
)
def test_a_full_disk_is_one_clear_error_and_loses_nothing(tmp_path: Path, write: str) -> None:
    (tmp_path / "kept").write_text("old")
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")

    done = command(sys.executable, "-B", "-c", FULL_DISK.format(write=write), cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("features: error: ")
    assert "File too large" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "kept").read_text() == "old"
    assert listed(tmp_path) == ["kept", "pipeline"]


def test_parquet_comes_back_as_it_was(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1.5, None], "b": ["x", "y"], "c": [True, False]})

    files.write_parquet(tmp_path / "frame", frame)

    assert files.read_parquet(tmp_path / "frame").equals(frame)


def test_equal_frames_are_equal_files(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": range(1000)})
    for name in ("one", "two"):
        files.write_parquet(tmp_path / name, frame)

    assert files.sha256(tmp_path / "one") == files.sha256(tmp_path / "two")


@pytest.mark.parametrize("kept", [0, 3, 0.5, 0.99])
def test_truncated_parquet_is_one_clear_error_that_names_the_file(
    tmp_path: Path, kept: float
) -> None:
    path = tmp_path / "frame.parquet"
    files.write_parquet(path, pl.DataFrame({"a": range(1000)}))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])

    with pytest.raises(StageError, match=r"frame\.parquet: can't be read as Parquet") as caught:
        files.read_parquet(path)

    assert "make reproduce" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("read", [files.read_parquet, files.read_json])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(StageError, match="absent: not there"):
        read(tmp_path / "absent")


def test_what_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "value.json").write_text('{"a": ')

    with pytest.raises(StageError, match=r"value\.json: not JSON"):
        files.read_json(tmp_path / "value.json")


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")

    assert files.sha256(tmp_path / "file") == hashlib.sha256(b"bytes").hexdigest()
