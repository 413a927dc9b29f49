"""The service takes its limits from its own release, and refuses wrong ones."""

import re
from pathlib import Path

import msgspec
import pytest

from gitops import environment
from pipeline.stage import StageError
from serving import settings
from tests.projects import ROOT


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    settings.FOLDER.mkdir()
    return settings.FOLDER / "dev.toml"


def test_the_shipped_environments_are_read_as_they_are_by_who_brings_services_up(
    file: Path,
) -> None:
    theirs = environment.read(ROOT / "environments")
    for path in (ROOT / "environments").glob("*.toml"):
        (settings.FOLDER / path.name).write_text(path.read_text())
        found, others = settings.read(path.stem), theirs[path.stem]
        assert msgspec.structs.asdict(found.limits) == others.limits.model_dump()
        assert msgspec.structs.asdict(found.log) == others.log.model_dump()


RIGHT = (ROOT / "environments/dev.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (r"\[limits\]", "limits = [", "not TOML"),
        (r"\[limits\]", "[limit]", "settings: .*missing.*`limits`"),
        ("memory_mb = 2048", "memory_mb = 1", r"limits\.memory_mb: .*64"),
        ("request_kb = 1024", 'request_kb = "1"', r"limits\.request_kb: .*`int`"),
        ("drain_seconds = 10", "", r"limits: .*missing.*`drain_seconds`"),
        ("drain_seconds = 10", "drain_seconds = 1e9", r"limits\.drain_seconds: .*3600"),
        ("drain_seconds = 10", "drain_seconds = nan", r"limits\.drain_seconds: "),
        ("seconds = 10 ", "second = 10 ", r"limits: .*unknown field `second`"),
        ("rows = 10000", "rows = 0", r"limits\.rows: .*1"),
        ("concurrent = 256", "concurrent = 0", r"limits\.concurrent: .*1"),
        ("spool_mb = 256", "spool_mb = 0.5", r"log\.spool_mb: .*`int`"),
        ("flush_seconds = 0.2", "flush = 1", r"log: .*unknown field `flush`"),
    ],
)
def test_a_wrong_file_is_one_clear_error(file: Path, old: str, new: str, message: str) -> None:
    text = re.sub(old, new, RIGHT, count=1)
    assert text != RIGHT
    file.write_text(text)

    with pytest.raises(StageError, match=f"environments/dev.toml: {message}"):
        settings.read("dev")


def test_an_environment_that_the_release_does_not_know_is_refused(file: Path) -> None:
    with pytest.raises(StageError, match=r"environments/other\.toml: not there"):
        settings.read("other")
