"""Which rows two versions may be compared on."""

from pathlib import Path

import polars as pl
import pytest

from pipeline import files
from review import holdout, version
from tests.projects import change_params, copy_of, succeed


@pytest.fixture(scope="module")
def months(pipeline_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a model of November on a branch, and one of December on dev."""
    project = copy_of(pipeline_run, tmp_path_factory.mktemp("months"))
    succeed("git", "switch", "--quiet", "--create", "november", cwd=project)
    change_params(project, ingest={"until": 11})
    succeed("dvc", "repro", "--quiet", cwd=project)
    succeed("git", "commit", "--quiet", "--all", "--message", "November", cwd=project)
    checkout(project, "dev")
    return project


@pytest.fixture
def project(months: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = copy_of(months, tmp_path)
    monkeypatch.chdir(copied)
    return copied


def checkout(project: Path, branch: str) -> None:
    succeed("git", "switch", "--quiet", branch, cwd=project)
    succeed("dvc", "checkout", "--quiet", cwd=project)


def test_the_same_holdout_is_compared_row_by_row(project: Path) -> None:
    found = holdout.pair(version.restore("base", "dev"), version.candidate())
    assert found.note == ""
    assert found.rows.height == version.candidate().predictions.height
    mine = files.read_parquet(files.PREDICTIONS).select("id", was="prediction")
    assert found.rows.join(mine, on="id").filter(pl.col("base") != pl.col("was")).is_empty()


def test_an_overlap_is_compared_and_named(project: Path) -> None:
    change_params(project, features={"holdout": 2})
    succeed("dvc", "repro", "--quiet", cwd=project)
    base, candidate = version.restore("base", "dev"), version.candidate()
    found = holdout.pair(base, candidate)
    assert found.rows.height == base.predictions.height
    assert "that both held out" in found.note
    assert f"{candidate.predictions.height:,}" in found.note


def test_the_base_is_run_on_a_month_it_never_saw(project: Path) -> None:
    base, candidate = version.restore("base", "november"), version.candidate()
    assert set(base.predictions["month"]) == {11}
    found = holdout.pair(base, candidate)
    assert set(found.rows["month"]) == {12}
    assert found.rows.height == candidate.predictions.height
    assert "with its own code" in found.note
    # The base learned from other months than the model of December: it is really another one.
    assert (found.rows["base"] != found.rows["prediction"]).any()


def test_rows_that_the_base_learned_from_are_not_compared(project: Path) -> None:
    checkout(project, "november")
    found = holdout.pair(version.restore("base", "dev"), version.candidate())
    assert found.rows.is_empty()
    assert "learned from every row" in found.note


def test_a_base_whose_code_refuses_the_rows_says_so(project: Path) -> None:
    succeed("git", "switch", "--quiet", "november", cwd=project)
    module = project / "pipeline/predict.py"
    main = "def main() -> None:"
    module.write_text(module.read_text().replace(main, f"{main}\n    raise OSError('no')"))
    succeed("git", "commit", "--quiet", "--all", "--message", "Broken", cwd=project)
    succeed("git", "switch", "--quiet", "dev", cwd=project)
    found = holdout.pair(version.restore("base", "november"), version.candidate())
    assert found.rows.is_empty()
    assert "predict: error: no" in found.note
