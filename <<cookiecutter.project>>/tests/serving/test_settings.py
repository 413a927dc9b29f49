"""The service takes its limits from its own release, and refuses wrong ones."""

from pathlib import Path

import pytest

from pipeline.stage import StageError
from serving import settings
from tests.projects import ROOT


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    settings.FOLDER.mkdir()
    return settings.FOLDER / "dev.toml"


def test_the_shipped_environments_are_read(file: Path) -> None:
    for path in (ROOT / "environments").glob("*.toml"):
        (settings.FOLDER / path.name).write_text(path.read_text())
        assert settings.read(path.stem).request_kb > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limits = [", "not TOML"),
        ("a = 1", "limits: missing"),
        ("[limits]\nmemory_mb = 1\nrequest_kb = 1\ndrain_seconds = 1", r"limits\.memory_mb: .*64"),
        ("[limits]\nmemory_mb = 64\nrequest_kb = '1'\ndrain_seconds = 1", "limits.request_kb"),
        ("[limits]\nmemory_mb = 64\nrequest_kb = 1", r"limits\.drain_seconds: .*required"),
    ],
)
def test_a_wrong_file_is_one_clear_error(file: Path, text: str, message: str) -> None:
    file.write_text(text)

    with pytest.raises(StageError, match=f"environments/dev.toml: {message}"):
        settings.read("dev")


def test_an_environment_that_the_release_does_not_know_is_refused(file: Path) -> None:
    with pytest.raises(StageError, match=r"environments/other\.toml: not there"):
        settings.read("other")
