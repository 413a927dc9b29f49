"""dvc.yaml says of each stage what it needs and what it makes, and runs no more than it must."""

import ast
import importlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipeline import files, ingest
from tests.projects import (
    ROOT,
    change_params,
    clone_of,
    command,
    copy_of,
    copy_project,
    stages_run,
    succeed,
)

STAGES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def outputs(stage: str) -> list[str]:
    entries = [
        entry for kind in ("outs", "metrics", "plots") for entry in STAGES[stage].get(kind, [])
    ]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def imported(path: Path) -> set[str]:
    """The modules of the pipeline that a module imports, and those that they import."""
    found: set[str] = set()
    waiting = [path.stem]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for node in ast.walk(ast.parse((path.parent / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "pipeline":
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipeline."):
                waiting.append(str(node.module).partition(".")[2])
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("pipeline") for alias in node.names), name
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_one_name_everywhere(stage: str) -> None:
    block = yaml.safe_load((ROOT / "params.yaml").read_text())

    assert STAGES[stage]["cmd"] == f"python -m pipeline.{stage}"
    assert (ROOT / f"pipeline/{stage}.py").is_file()
    assert (ROOT / f"tests/pipeline/test_{stage}.py").is_file()
    assert STAGES[stage]["params"][0] == stage
    assert stage in block
    assert STAGES[stage]["desc"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_imports_and_on_the_locked_libraries(
    stage: str,
) -> None:
    code = {f"pipeline/{name}.py" for name in imported(ROOT / f"pipeline/{stage}.py")}
    made = {path for other in STAGES for path in outputs(other)}

    deps = STAGES[stage]["deps"]

    assert set(deps) - made == code | {"requirements/pipeline.txt"}
    assert len(deps) == len(set(deps))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_needs_no_file_but_its_own_and_makes_those_alone(
    stage: str,
    trained: Path,
    tables: dict[str, pl.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy_project(tmp_path, "params.yaml", "pyproject.toml")
    needed = [dep for dep in STAGES[stage]["deps"] if (trained / dep).is_file()]
    for dep in needed:
        (tmp_path / dep).parent.mkdir(exist_ok=True)
        shutil.copy(trained / dep, tmp_path / dep)
    shutil.copy(trained / "mlflow.db", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")

    monkeypatch.setattr(ingest, "table", tables.__getitem__)

    importlib.import_module(f"pipeline.{stage}").main()

    made = {
        str(path.relative_to(tmp_path))
        for folder in ("data", "models", "reports")
        for path in tmp_path.glob(f"{folder}/**/*")
    }
    assert made - set(needed) == set(outputs(stage))


def test_every_output_is_made_by_one_stage_and_kept_by_dvc() -> None:
    counted = Counter(path for stage in STAGES for path in outputs(stage))

    assert set(counted.values()) == {1}
    # An output that is not cached is not restored from the run cache.
    assert "cache:" not in (ROOT / "dvc.yaml").read_text()


def test_every_file_that_the_stages_name_is_an_output() -> None:
    named = {str(value) for value in vars(files).values() if isinstance(value, Path)}
    curves = {"reports/roc.json", "reports/precision_recall.json", "reports/calibration.json"}

    made = {path for stage in STAGES for path in outputs(stage)}

    assert made == named - {"reports"} | curves


def test_git_knows_the_lock_and_no_output(pipeline_run: Path) -> None:
    tracked = succeed("git", "ls-files", cwd=pipeline_run).splitlines()

    assert "dvc.lock" in tracked
    assert {path for stage in STAGES for path in outputs(stage)}.isdisjoint(tracked)
    assert not [name for name in tracked if name.startswith("mlflow")]


def test_a_second_run_does_nothing(pipeline_run: Path) -> None:
    said = succeed("dvc", "repro", cwd=pipeline_run)

    assert stages_run(said) == []
    assert "Data and pipelines are up to date." in said
    assert succeed("git", "status", "--porcelain", cwd=pipeline_run) == ""


def test_a_second_checkout_fetches_everything_and_trains_nothing(pipeline_run: Path) -> None:
    clone = clone_of(pipeline_run)

    said = succeed("dvc", "repro", "--pull", cwd=clone)

    assert stages_run(said) == []
    assert "trees in" not in said
    assert succeed("git", "status", "--porcelain", cwd=clone) == ""
    for stage in STAGES:
        for path in outputs(stage):
            assert files.sha256(clone / path) == files.sha256(pipeline_run / path)


@pytest.fixture(scope="module")
def changed(pipeline_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with a branch on which one number of the training differs, and what was run."""
    folder = copy_of(pipeline_run, tmp_path_factory.mktemp("changed"))
    succeed("git", "checkout", "--quiet", "-b", "try", cwd=folder)
    change_params(folder, train={"learning_rate": 0.2})
    stale = json.loads(succeed("dvc", "status", "--json", cwd=folder))
    assert stale.keys() == {"train"}
    said = succeed("dvc", "repro", cwd=folder)
    succeed("git", "commit", "--quiet", "--all", "--message", "Learn faster", cwd=folder)
    return folder, said


def test_a_parameter_of_the_training_reruns_training_and_evaluation_only(
    changed: tuple[Path, str],
) -> None:
    assert stages_run(changed[1]) == ["train", "evaluate"]


def test_the_way_back_is_fetched_and_not_trained(changed: tuple[Path, str], tmp_path: Path) -> None:
    folder = copy_of(changed[0], tmp_path)
    succeed("git", "checkout", "--quiet", "dev", cwd=folder)

    assert stages_run(succeed("dvc", "repro", "--pull", cwd=folder)) == []


def test_dvc_shows_the_difference_of_parameters(changed: tuple[Path, str]) -> None:
    said = json.loads(succeed("dvc", "params", "diff", "--json", "dev", cwd=changed[0]))

    assert said["params.yaml"]["train.learning_rate"]["new"] == 0.2
    assert [*said["params.yaml"]] == ["train.learning_rate"]


def test_dvc_shows_the_difference_of_metrics(changed: tuple[Path, str]) -> None:
    said = json.loads(succeed("dvc", "metrics", "diff", "--json", "dev", cwd=changed[0]))

    found = said["reports/metrics.json"]["model.roc_auc"]
    assert found["old"] != found["new"]
    assert "mean.roc_auc" not in said["reports/metrics.json"]


def test_dvc_draws_the_difference_of_plots(changed: tuple[Path, str]) -> None:
    folder = changed[0]

    done = command("dvc", "plots", "diff", "dev", "--out", "drawn", "--json", cwd=folder)

    assert done.returncode == 0, done.stderr
    drawn = json.loads(done.stdout)
    plots = {Path(path).stem for path in drawn["data"]}
    declared = {Path(next(iter(plot))).stem for s in STAGES.values() for plot in s.get("plots", [])}
    assert plots == declared
    for figures in drawn["data"].values():
        assert {revision for figure in figures for revision in figure["revisions"]} == {
            "dev", "workspace",
        }  # fmt: skip
