"""ground.toml: right, or refused with key, value and rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from baking import ROOT
from ground import settings
from ground.settings import Refused

if TYPE_CHECKING:
    from pathlib import Path

FILE = ROOT / "infra/ground.toml"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = FILE.read_text("utf-8")
    assert old in text
    path = tmp_path / "ground.toml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_file_here_is_right_and_private() -> None:
    found = settings.read(FILE, {})
    assert found.listen == "127.0.0.1"
    assert all("@sha256:" in image for image in found.images.model_dump().values())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "ground"', 'name = "Ground"', "name = 'Ground': String should match"),
        ("store = 7070", "store = 70700", "ports.store = 70700: Input should be less than"),
        ("store = 7070", 'store = "7070"', "ports.store = '7070': Input should be a valid integer"),
        ("store = 7070", "store = 5500", "ports: 5500 is given twice"),
        ("[keep]", "[kept]", "kept: unknown key"),
        ("metrics_days = 30", "", "keep.metrics_days: missing; add it"),
        ('listen = "127.0.0.1"', 'listen = "0.0.0.0"', "passwords would travel in the clear"),
        ("@sha256:4f736ae2", ":", "images.database = "),
        ("[ports]", "[ports", "ground.toml: "),
        ("database = 512", "database = 1", "memory_mb.database = 1: Input should be greater"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(Refused) as refusal:
        settings.read(path, {})
    assert str(refusal.value).startswith(f"{path}: ")
    assert said in str(refusal.value)


def test_every_wrong_key_has_a_line(tmp_path: Path) -> None:
    path = changed(tmp_path, "store = 7070", "store = 0\nshop = 1")
    with pytest.raises(Refused) as refusal:
        settings.read(path, {})
    assert len(str(refusal.value).splitlines()) == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"No such file.*; name another with FILE="):
        settings.read(tmp_path / "none.toml", {})


def test_the_environment_names_images_of_a_machine_that_pulls_none() -> None:
    found = settings.read(FILE, {"GROUND_STORE_IMAGE": "here:1", "IMAGE_BASE": "base:1"})
    assert (found.images.store, found.images.base) == ("here:1", "base:1")
    assert "@sha256:" in found.images.database


def test_public_with_a_domain_is_taken(tmp_path: Path) -> None:
    path = changed(tmp_path, 'listen = "127.0.0.1"', 'listen = "0.0.0.0"')
    path.write_text(path.read_text().replace('domain = ""', 'domain = "example.org"'))
    assert settings.read(path, {}).domain == "example.org"
