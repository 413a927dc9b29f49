"""The spool keeps to its bound, counts what it drops, and takes over from the dead."""

from pathlib import Path

import pytest

from pipeline.stage import StageError
from serving.predictions.segment import Segment
from serving.predictions.spool import FIRST_SPARES, SPARES, Spool

KB = 1024
ALL = 10**9  # bytes


def spool_of(folder: Path, name: str = "one", kb: int = 64) -> Spool:
    spool = Spool(folder, kb * KB, name, b"about")
    spool.prepare()
    return spool


def records(segments: list[Segment]) -> list[bytes]:
    return [record for one in segments for _, _, record in one.read(ALL).records]


def test_without_spares_a_record_is_dropped_and_without_waiting(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 64 * KB, "one", b"")
    spool.append(1, b"x", 3)
    assert (spool.dropped, spool.waiting) == (3, 0)
    assert spool.wanted.is_set()

    spool.prepare()
    spool.append(1, b"y", 2)
    assert (spool.dropped, spool.waiting) == (3, 2)
    assert spool.owner is not None
    assert spool.owner.dropped == 3


def test_it_grows_to_its_bound_and_no_further(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    for _ in range(100):
        spool.append(1, b"x" * spool.largest, 1)
        spool.prepare()
    assert spool.failure == "the spool is full"
    assert sum(path.stat().st_size for path in tmp_path.glob("*.segment")) == 64 * KB
    assert spool.waiting + spool.dropped == 100
    assert spool.waiting == 64 * KB // spool.segment_bytes


def test_the_bound_is_for_all_processes_together(tmp_path: Path) -> None:
    one, other = spool_of(tmp_path, "one"), spool_of(tmp_path, "other")
    for _ in range(100):
        for spool in (one, other):
            spool.append(1, b"x" * spool.largest, 1)
            spool.prepare()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.segment")) == 64 * KB
    assert one.waiting + other.waiting == 64 * KB // one.segment_bytes


def test_a_record_larger_than_a_segment_is_dropped(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    spool.append(1, b"x" * spool.largest, 1)
    spool.append(1, b"x" * (spool.largest + 1), 1)
    assert (spool.waiting, spool.dropped) == (1, 1)


def test_it_begins_with_few_spares_and_makes_no_more_than_a_part_of_the_bound(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path, 128 * 1024 * KB, "one", b"about")
    spool.prepare(FIRST_SPARES)
    assert len(spool.spares) == FIRST_SPARES
    spool.prepare()
    assert len(spool.spares) == spool.most_spares == SPARES
    assert not spool.filling
    assert spool_of(tmp_path / "small").most_spares == 2


def test_emptied_segments_are_used_again_or_deleted(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    for _ in range(6):
        spool.append(1, b"x" * 8000, 1)
        spool.prepare()
    for segment in spool.own():
        segment.mark(segment.read(ALL))
        spool.release(segment)
    assert len(spool.own()) == 1
    assert len(list(tmp_path.glob("*.segment"))) == 1 + spool.most_spares

    spool.append(1, b"y", 1)
    assert records(spool.own()) == [b"y"]


def test_a_segment_with_something_in_it_is_not_released(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    for each in (b"x", b"y", b"z"):
        spool.append(1, each * 8000, 1)
        spool.prepare()
    for segment in spool.own():
        spool.release(segment)
    assert [record[:1] for record in records(spool.own())] == [b"x", b"y", b"z"]


def test_what_the_dead_left_is_taken_over_once(tmp_path: Path) -> None:
    dead = spool_of(tmp_path, "dead")
    dead.append(1, b"kept", 2)
    dead.drop(5)
    living = spool_of(tmp_path, "living")
    living.adopt()
    assert living.adopted == []

    dead.close()
    (tmp_path / "dead.000009.segment").write_bytes(b"")
    (tmp_path / "half.draft").write_bytes(b"")
    living.adopt()
    other = spool_of(tmp_path, "other")
    other.adopt()
    (estate,) = living.adopted
    assert other.adopted == []
    assert records(estate.segments) == [b"kept"]
    assert (estate.owner.about, estate.owner.dropped, living.waiting) == (b"about", 5, 2)
    assert not list(tmp_path.glob("*.draft"))


def test_closing_leaves_only_what_somebody_needs(tmp_path: Path) -> None:
    spool_of(tmp_path, "clean").close()
    assert list(tmp_path.iterdir()) == []

    spool = spool_of(tmp_path, "full")
    spool.append(1, b"x", 1)
    spool.close()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".owner", ".segment"]
    spool.append(1, b"late", 1)
    assert spool.dropped == 1


def test_after_closing_nothing_is_made(tmp_path: Path) -> None:
    """Neither what was under way in the other thread: this process's lock would be on it."""
    spool = spool_of(tmp_path)
    spool.close()
    spool.prepare()
    spool.take(Segment.create(tmp_path / "late.segment", 4 * KB))
    assert list(tmp_path.iterdir()) == []
    assert (len(spool.spares), spool.owner) == (0, None)


def test_a_folder_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StageError, match="no place for a spool"):
        Spool(tmp_path / "file", KB, "one", b"")
