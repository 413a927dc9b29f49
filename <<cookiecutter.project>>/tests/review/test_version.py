"""A commit's outputs come back by hash, or not at all."""

import shutil
from pathlib import Path

import pytest

from pipeline import files
from pipeline.stage import StageError
from review import lock, version
from tests.projects import change_params, copy_of, succeed


@pytest.fixture
def project(pipeline_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = copy_of(pipeline_run, tmp_path)
    monkeypatch.chdir(copied)
    return copied


def forget(project: Path, *, store: bool = False) -> None:
    """Empty DVC's cache, and its store too."""
    shutil.rmtree(project / ".dvc/cache")
    if store:
        shutil.rmtree(project.parent / "store")


def test_outputs_come_from_the_cache(project: Path) -> None:
    before = files.sha256(files.PREDICTIONS)
    files.PREDICTIONS.unlink()
    found = version.restore("base", "dev")
    assert files.sha256(found.folder / files.PREDICTIONS) == before
    assert found.json(files.METRICS)["model"]
    assert found.settings["train"]["seed"]


def test_outputs_come_from_the_store_where_the_cache_has_none(project: Path) -> None:
    forget(project)
    assert version.restore("base", "dev").json(files.COST)["model_bytes"] > 0


def test_what_was_restored_once_needs_no_cache(project: Path) -> None:
    version.restore("base", "dev")
    forget(project, store=True)
    assert version.restore("base", "dev").predictions.height > 0


def test_outputs_in_no_cache_are_refused(project: Path) -> None:
    forget(project, store=True)
    with pytest.raises(StageError, match="is in no cache"):
        version.restore("base", "dev")


def test_a_damaged_output_is_never_used(project: Path) -> None:
    lost = lock.outputs(lock.parse((project / "dvc.lock").read_text(), "dvc.lock"))
    md5 = lost[str(files.PREDICTIONS)]
    damaged = project / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-9] + b"tampered!")
    with pytest.raises(StageError, match=r"predictions\.parquet is (damaged|in no cache)"):
        version.restore("base", "dev")


def test_a_commit_without_a_lock_is_refused(project: Path) -> None:
    succeed("git", "rm", "--quiet", "--cached", "dvc.lock", cwd=project)
    succeed("git", "commit", "--quiet", "--message", "no model", cwd=project)
    with pytest.raises(StageError, match=r"has no dvc\.lock"):
        version.restore("base", "HEAD")


def test_a_commit_that_is_not_there_is_refused(project: Path) -> None:
    with pytest.raises(StageError, match="no such commit"):
        version.restore("base", "absent")


def test_the_candidate_is_the_working_copy(project: Path) -> None:
    assert version.candidate().predictions.height > 0


def test_a_stale_candidate_is_refused(project: Path) -> None:
    change_params(project, evaluate={"repeats": 1})
    with pytest.raises(StageError, match="behind on evaluate"):
        version.candidate()


def test_outputs_that_are_not_those_of_the_lock_are_refused(project: Path) -> None:
    text = files.METRICS.read_text()
    files.METRICS.unlink()
    files.METRICS.write_text(text + " ")
    with pytest.raises(StageError, match=r"metrics\.json: not what dvc\.lock names"):
        version.candidate()
