"""A record is in a segment whole or not at all, and damage ends its reading."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serving.predictions.segment import AT_END, END, FRAME, START, Segment
from tests.projects import ROOT

SIZE = 8192
LARGE = 1024**2
ALL = 10**9  # bytes


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    return Segment.create(tmp_path / "one", SIZE)


def reopened(segment: Segment) -> Segment:
    segment.close()
    found = Segment.open(segment.path)
    assert found is not None
    return found


def test_it_takes_what_fits_and_gives_it_back(segment: Segment) -> None:
    fitting = SIZE - START - 2 * FRAME.size
    assert segment.append(1, b"a" * 10, 1)
    assert not segment.append(1, b"b" * fitting, 3)
    assert segment.append(2, b"b" * (fitting - 10), 3)

    batch = reopened(segment).read(ALL)
    assert batch.records == [(1, 1, b"a" * 10), (2, 3, b"b" * (fitting - 10))]
    assert batch.rows == 4
    assert not batch.damaged


def test_its_blocks_are_there_from_the_start(segment: Segment) -> None:
    assert segment.path.stat().st_blocks * 512 >= SIZE


def test_it_is_read_in_parts_and_what_is_marked_is_not_read_again(segment: Segment) -> None:
    for each in range(5):
        segment.append(1, bytes([each]) * 100, 2)
    first = segment.read(150)
    assert len(first.records) == 2
    segment.mark(first)
    assert segment.waiting == 6

    left = reopened(segment)
    assert left.waiting == 6
    batch = left.read(ALL)
    assert [record[:1] for _, _, record in batch.records] == [b"\2", b"\3", b"\4"]
    left.mark(batch)
    assert left.empty
    assert left.waiting == 0


@pytest.mark.parametrize("place", [0, 4, FRAME.size, FRAME.size + 99])
def test_damage_ends_its_reading_and_the_loss_is_known(segment: Segment, place: int) -> None:
    ends = []
    for _ in range(3):
        segment.append(1, b"x" * 100, 2)
        ends.append(segment.end)
    segment.map[ends[0] + place] ^= 0xFF

    left = reopened(segment)
    batch = left.read(ALL)
    assert len(batch.records) == 1
    assert batch.damaged
    left.mark(batch)
    assert left.give_up() == 4
    assert left.empty


def test_a_header_that_leads_beyond_the_records_is_damage(segment: Segment) -> None:
    segment.append(1, b"x", 1)
    END.pack_into(segment.map, AT_END, SIZE * 2, 1)

    batch = reopened(segment).read(ALL)
    assert len(batch.records) == 1
    assert batch.damaged


def test_records_behind_a_damaged_header_are_found(segment: Segment) -> None:
    segment.append(1, b"x", 1)
    segment.map[0] ^= 0xFF

    assert reopened(segment).read(ALL).records == [(1, 1, b"x")]


def test_what_was_never_ready_is_none(tmp_path: Path) -> None:
    for content in (b"", bytes(SIZE)):
        (tmp_path / "one").write_bytes(content)
        assert Segment.open(tmp_path / "one") is None


def test_what_is_appended_takes_little_memory_and_folded_nothing_does(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path / "one", LARGE)
    for _ in range(9):
        assert segment.append(1, b"x" * (LARGE // 10), 1)
    assert resident(segment) < LARGE // 1024 / 4
    assert len(segment.read(ALL).records) == 9
    assert resident(segment) > LARGE // 1024 / 2
    segment.fold()
    assert resident(segment) == 0
    assert len(segment.read(ALL).records) == 9


def test_what_is_written_in_part_is_not_there(
    segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", lambda *_: FRAME.size + 1)
        assert not segment.append(1, b"x" * 5000, 1)
    assert segment.append(1, b"y", 1)
    assert reopened(segment).read(ALL).records == [(1, 1, b"y")]


def test_it_holds_a_descriptor_only_while_it_is_written(segment: Segment) -> None:
    before = descriptors()
    segment.fold()
    assert descriptors() == before - 1
    segment.reset()
    assert segment.append(1, b"x", 1)
    segment.close()
    assert descriptors() == before - 2  # a map has one of its own


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def resident(segment: Segment) -> int:
    """Kilobytes of it in this process's memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    for line in lines:
        if line.endswith(str(segment.path)):
            return next(int(told.split()[1]) for told in lines if told.startswith("Rss:"))
    raise AssertionError


def test_used_again_it_is_empty(segment: Segment) -> None:
    segment.append(1, b"x" * 100, 1)
    segment.reset()

    left = reopened(segment)
    assert left.empty
    assert left.read(ALL).records == []


def test_no_room_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            Segment.create(tmp_path / "one", SIZE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "one").exists()


def test_its_records_outlive_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from serving.predictions.segment import Segment; "
        f"Segment.create(pathlib.Path(sys.argv[1]), {SIZE}).append(1, b'kept', 1); "
        "os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "one"
    died = subprocess.run([sys.executable, "-c", code, os.fspath(path)], cwd=ROOT)
    assert died.returncode == -signal.SIGKILL

    found = Segment.open(path)
    assert found is not None
    assert found.read(ALL).records == [(1, 1, b"kept")]
