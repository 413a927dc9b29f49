"""A spool's owner is alive as long as its file is locked."""

from pathlib import Path

import pytest

from serving.predictions.owner import Owner


def test_a_living_one_is_not_adopted(tmp_path: Path) -> None:
    owner = Owner.create(tmp_path, "one", b"about")
    assert owner.path.name == "one.owner"
    assert Owner.adopt(owner.path) is None

    owner.dropped = 7
    owner.close()
    left = Owner.adopt(owner.path)
    assert left is not None
    assert (left.name, left.about, left.dropped) == ("one", b"about", 7)
    assert Owner.adopt(left.path) is None


def test_who_was_slower_gets_nothing(tmp_path: Path) -> None:
    owner = Owner.create(tmp_path, "one", b"")
    owner.delete()
    assert Owner.adopt(owner.path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"x" * 4096])
def test_a_damaged_one_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.owner").write_bytes(content)
    left = Owner.adopt(tmp_path / "one.owner")
    assert left is not None
    assert (left.about, left.dropped) == (b"", 0)


def test_where_none_can_be_made_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "one.owner").mkdir()
    with pytest.raises(OSError, match="directory"):
        Owner.create(tmp_path, "one", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["one.owner"]
