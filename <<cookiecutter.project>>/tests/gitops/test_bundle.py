"""The files of a release: those of its tree and of its record, whole or not at all."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops import bundle
from gitops.bundle import EXAMPLES, LOCK, MANIFEST, MODEL, make, outputs, place, whole
from gitops.records import Release
from gitops.settings import Refused
from tests.gitops.stories import Story
from tests.gitops.tiny import lock_of, md5, outputs_of, sha256


@pytest.fixture
def release(settled: Story) -> Release:
    """One whose bundle is nowhere on this machine yet."""
    release = settled.runs("dev")
    shutil.rmtree(settled.context.home / "releases")
    return release


def made(story: Story, release: Release) -> Path:
    return make(story.repository, release, story.context.home)


def test_it_holds_the_tree_and_its_outputs(settled: Story, release: Release) -> None:
    folder = made(settled, release)
    assert folder == settled.context.home / "releases" / release.tree
    for path in settled.repository.entries(release.commit):
        assert (folder / path).read_bytes() == settled.repository.file(release.commit, path)
    assert (folder / MODEL).read_bytes() == outputs_of(1)[MODEL]
    assert (folder / EXAMPLES).read_bytes() == outputs_of(1)[EXAMPLES]
    assert not (folder / ".git").exists()
    assert json.loads((folder / MANIFEST).read_text()) == {
        "tree": release.tree,
        "model_sha256": release.model.sha256,
        "files": {MODEL: release.model.sha256},
        "others": {EXAMPLES: sha256(outputs_of(1)[EXAMPLES])},
    }


def test_it_is_the_releases_not_the_working_copys(settled: Story, release: Release) -> None:
    (settled.repository.path / "README.md").write_text("mine\n")
    (settled.repository.path / "pipeline/mine.py").write_text("")
    folder = made(settled, release)
    assert (folder / "README.md").read_text() == "# flights\n"
    assert not (folder / "pipeline/mine.py").exists()


def test_it_is_made_once(settled: Story, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(settled, release)
    monkeypatch.delattr(bundle, "extract")
    assert made(settled, release) == folder


def test_nothing_else_is_left(settled: Story, release: Release) -> None:
    folder = made(settled, release)
    assert list(folder.parent.iterdir()) == [folder]


def test_another_machine_takes_it_from_the_store(settled: Story, release: Release) -> None:
    shutil.rmtree(settled.stores[0])
    assert whole(made(settled, release), release.model.files)


def test_what_it_runs_is_compiled(settled: Story, release: Release) -> None:
    """And the bytecode is that of a source which is checked: a change of one counts."""
    folder = made(settled, release)
    compiled = list((folder / "pipeline/__pycache__").iterdir())
    assert {path.name.partition(".")[0] for path in compiled} >= {"features"}
    flags = {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled}
    assert flags == {0b11}  # by hash, checked


def test_what_is_reported_of_it_is_taken_along() -> None:
    outputs = ["models/model.onnx", bundle.CARD, "reports/slices.json", bundle.METRICS]
    assert bundle.reported(outputs) == [EXAMPLES, bundle.METRICS, bundle.CARD]


@pytest.mark.parametrize("path", [MODEL, MANIFEST, EXAMPLES])
@pytest.mark.parametrize("change", ["altered", "gone"])
def test_what_is_damaged_is_made_again(
    settled: Story, release: Release, path: str, change: str
) -> None:
    folder = made(settled, release)
    right = (folder / path).read_bytes()
    (folder / path).unlink()
    if change == "altered":
        (folder / path).write_text("rate 999\n")
    assert made(settled, release) == folder
    assert (folder / path).read_bytes() == right
    assert list(folder.parent.iterdir()) == [folder]


def test_an_output_that_is_nowhere(settled: Story, release: Release) -> None:
    for path in settled.stored(outputs_of(1)[EXAMPLES]):
        path.unlink()
    with pytest.raises(Refused, match=rf"{EXAMPLES} of \w+: in no cache .*`make push` from a mac"):
        made(settled, release)
    assert list((settled.context.home / "releases").iterdir()) == []


@pytest.mark.parametrize("path", [MODEL, EXAMPLES])
def test_an_output_that_was_changed_says_where_it_lies(
    settled: Story, release: Release, path: str
) -> None:
    content = outputs_of(1)[path]
    for place_ in settled.stored(content):
        place_.write_text("[1]\n")
    with pytest.raises(Refused, match=f"delete {md5(content)[:2]}/{md5(content)[2:]} there"):
        made(settled, release)
    assert not place(settled.context.home, release.tree).exists()


def test_two_at_once(settled: Story, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both fill a folder; the second leaves the first's where it is: somebody reads there."""
    both, seal = threading.Barrier(2, timeout=60), bundle.seal

    def sealed(*words: object) -> None:
        seal(*words)  # type: ignore[arg-type]
        both.wait()

    monkeypatch.setattr(bundle, "seal", sealed)
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _: made(settled, release), range(2)))
    assert found[0] == found[1]
    assert whole(found[0], release.model.files)
    assert list(found[0].parent.iterdir()) == [found[0]]


def test_the_first_folder_stays(settled: Story, release: Release, tmp_path: Path) -> None:
    folder = made(settled, release)
    inode = folder.stat().st_ino
    with bundle.making(settled.context.home) as work:
        shutil.copytree(folder, work, dirs_exist_ok=True)
        bundle.keep(work, folder, release.model.files)
    assert folder.stat().st_ino == inode


def test_outputs_of_a_lock() -> None:
    content = outputs_of(1)
    assert outputs(lock_of(1).encode()) == {path: md5(content[path]) for path in content}


@pytest.mark.parametrize(
    "lock", [b"", b"[]", b"stages: []", b"stages: {a: {outs: [{path: x}]}}", b"a: [", b"\xff\xfe"]
)
def test_a_lock_that_is_none(lock: bytes) -> None:
    with pytest.raises(Refused, match=f"{LOCK}: not DVC's"):
        outputs(lock)


class TestRun:
    def test_modules_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "hello.py").write_text("print(__file__)\n")
        assert bundle.run(tmp_path, "hello", seconds=60).stdout == f"{tmp_path}/hello.py\n"

    def test_it_takes_too_long(self, tmp_path: Path) -> None:
        (tmp_path / "hello.py").write_text("import time; time.sleep(60)\n")
        with pytest.raises(Refused, match="python -m hello: not done after"):
            bundle.run(tmp_path, "hello", seconds=0.5)

    def test_it_is_asked_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "hello.py").write_text("input()\n")
        assert "EOFError" in bundle.run(tmp_path, "hello", seconds=60).stderr
