"""Files of other commits."""

from pathlib import Path

import pytest

from pipeline.stage import StageError
from review import git
from tests.projects import succeed


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    succeed("git", "init", "--quiet", "--initial-branch=dev", cwd=tmp_path)
    (tmp_path / "file").write_text("before\n")
    succeed("git", "add", ".", cwd=tmp_path)
    succeed("git", "commit", "--quiet", "--message", "first", cwd=tmp_path)
    (tmp_path / "file").write_text("after\n")
    return tmp_path


def test_a_file_is_read_as_the_commit_has_it(repository: Path) -> None:
    commit = git.resolve("dev")
    assert len(commit) == 40
    assert git.text(commit, "file") == "before\n"
    assert git.text(commit, "absent") is None


@pytest.mark.parametrize("ref", ["absent", "", "--all", "HEAD~5", "dev:file"])
def test_what_is_no_commit_is_refused(repository: Path, ref: str) -> None:
    with pytest.raises(StageError, match="no such commit"):
        git.resolve(ref)
