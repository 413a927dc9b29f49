"""A release is held as its manifest says, or not at all."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import files
from pipeline.stage import StageError
from serving import release
from tests.serving import bundles


@pytest.fixture
def folder(bundle: Path, tmp_path: Path) -> Path:
    return bundles.copy_of(bundle, tmp_path / "bundle")


def test_it_holds_the_bytes_and_proves_them(folder: Path) -> None:
    held = release.read(folder)

    assert held.tree == "b" * 40
    assert held.bytes(files.ONNX) == (folder / files.ONNX).read_bytes()
    assert held.prove() == json.loads((folder / "release.json").read_text())["files"]
    assert held.prove()[str(files.ONNX)] == held.model_sha256


def test_what_is_proved_is_what_is_held_and_not_what_lies_on_the_disk(folder: Path) -> None:
    held = release.read(folder)
    before = held.prove()

    (folder / files.ONNX).write_bytes(b"")
    assert held.prove() == before
    held.files[str(files.ONNX)] = b"other"
    assert held.prove() != before


@pytest.mark.parametrize("path", [files.ONNX, files.ENCODINGS, files.SIGNATURE, files.TEXT])
def test_a_tampered_file_is_named(folder: Path, path: Path) -> None:
    with (folder / path).open("ab") as file:
        file.write(b" ")

    with pytest.raises(StageError, match=f"^{path}: not the file of this release"):
        release.read(folder)


@pytest.mark.parametrize("path", bundles.OTHERS)
def test_a_tampered_file_about_the_model_is_named(folder: Path, path: Path) -> None:
    with (folder / path).open("ab") as file:
        file.write(b" ")

    with pytest.raises(StageError, match=f"^{path}: not the file of this release"):
        release.read(folder)


def test_what_is_told_about_the_model_is_held_and_is_no_part_of_it(folder: Path) -> None:
    held = release.read(folder)

    assert held.other(files.CARD) == (folder / files.CARD).read_text()
    assert held.json(files.EXAMPLES) == files.read_json(folder / files.EXAMPLES)
    assert not held.prove().keys() & {str(path) for path in bundles.OTHERS}


def test_without_the_others_only_the_model_need_be_there(folder: Path) -> None:
    shutil.rmtree(folder / "reports")

    held = release.read(folder, others=False)

    assert held.other(files.CARD) is None
    assert held.bytes(files.ONNX)


def test_a_manifest_without_others_is_one(folder: Path) -> None:
    path = folder / "release.json"
    manifest = json.loads(path.read_text())
    del manifest["others"]
    path.write_text(json.dumps(manifest))

    assert release.read(folder).others == {}


def test_a_folder_without_a_model_gives_no_manifest(folder: Path) -> None:
    (folder / files.ONNX).unlink()

    with pytest.raises(StageError, match=f"^{files.ONNX}: not there"):
        release.manifest(folder, "a" * 40, files.ONNX, ())


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    (folder / files.ONNX).unlink()

    with pytest.raises(StageError, match=rf"^{files.ONNX}: can't be read: No such file"):
        release.read(folder)


@pytest.mark.parametrize(
    "damage",
    [lambda _: "{", lambda _: "[]", lambda _: "{}", lambda text: text.replace('"files"', '"file"')],
)
def test_a_damaged_manifest_is_one_clear_error(folder: Path, damage: Callable[[str], str]) -> None:
    path = folder / "release.json"
    path.write_text(damage(path.read_text()))

    with pytest.raises(StageError, match=r"release\.json: no manifest of a release"):
        release.read(folder)


def test_a_manifest_that_names_another_model_is_refused(folder: Path) -> None:
    path = folder / "release.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_sha256": "0" * 64}))

    with pytest.raises(StageError, match="model_sha256 is of none of its files"):
        release.read(folder)


def test_a_folder_without_a_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"release\.json: not there"):
        release.read(tmp_path)


def test_a_file_that_it_does_not_name_is_not_opened(folder: Path) -> None:
    with pytest.raises(StageError, match=r"names no models/other\.json"):
        release.read(folder).json(Path("models/other.json"))
    with pytest.raises(StageError, match=r"models/model\.txt: not JSON"):
        release.read(folder).json(files.TEXT)
