"""What the tests share: a project in a folder of its own, never the checkout."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from gitops.targets import interpreter
from gitops.targets.terraform import synth
from pipeline import evaluate, features, ingest, params, train, validate
from tests.projects import CODE, ROOT, SMALL, copy_project, succeed
from tests.serving.bundles import bundle_of

OWN = ("GROUND_NETWORK", "GROUND_RULES", "PREDICTION_LOG_URL")  # of a person's project on a ground
# Nothing is kept in the checkout, and nothing judged by the clock of a busy machine.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")
settings.register_profile("tests", database=None, deadline=None)
settings.load_profile("tests")


@pytest.fixture(autouse=True, scope="session")
def environment() -> Iterator[None]:
    """Keep a person's own tracking server, ground, DVC and git settings out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("MLFLOW_", "DVC_", "GIT_")) or name in OWN:
                patch.delenv(name)
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        # `python` and `dvc` are those of this environment, active or not.
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Test")
            patch.setenv(f"GIT_{role}_EMAIL", "test@localhost")
        # Set, it makes every start of Python two to three times slower; here are many.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("MLFLOW_LOGGING_LEVEL", "ERROR")
        # Threads that spin while they wait slow each other down where the tests share a machine.
        patch.setenv("OMP_WAIT_POLICY", "PASSIVE")
        yield


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with its settings and no data, as the working directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    copy_project(folder, "params.yaml", "pyproject.toml")
    monkeypatch.chdir(folder)
    # In full: MLflow remembers databases by name, and here each folder has its own.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    return folder


@pytest.fixture(scope="session")
def tables() -> dict[str, pl.DataFrame]:
    """The real tables, read once."""
    return {name: ingest.table(name) for name in ("flights", "weather", "planes")}


@pytest.fixture(scope="session")
def raw(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Some thousand real rows of the contract `Raw`, from all months."""
    return ingest.ingest(tables, params.Ingest(**{"from": 1, "until": 12, "every": SMALL}))[0]


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database to copy: making one takes seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, database: Path, tables: dict[str, pl.DataFrame]
) -> Path:
    """A project in which every stage has run, in this process; tests copy what they change."""
    folder = tmp_path_factory.mktemp("trained")
    copy_project(folder, "params.yaml", "pyproject.toml")
    shutil.copy(database, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.setattr(ingest, "table", tables.__getitem__)
        for stage in (ingest, validate, features, train, evaluate):
            stage.main()
    return folder


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Path:
    """The release of that project, as a service runs it; tests copy what they change."""
    return bundle_of(trained, tmp_path_factory.mktemp("releases") / "bundle")


@pytest.fixture(scope="session")
def interpreters(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Path:
    """What lies in `interpreters` of a forge's home: the service's own environment, made once."""
    home = tmp_path_factory.mktemp("home")
    interpreter.make(home, bundle)
    return home / "interpreters"


@pytest.fixture(scope="session")
def declarers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with the environment of infra/."""
    home = tmp_path_factory.mktemp("declarers")
    interpreter.make(home, ROOT, synth.LOCK)
    return home / "interpreters"


@pytest.fixture
def after_training(trained: Path, project: Path) -> Path:
    """The working directory with a copy of everything that the stages wrote."""
    shutil.copytree(trained, project, dirs_exist_ok=True)
    return project


@pytest.fixture(scope="session")
def pipeline_run(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Path:
    """A git repository whose pipeline was reproduced by `dvc repro` and committed with dvc.lock.

    Its outputs and its run cache are pushed to the folder `store` beside it, by the template's
    own configuration; a clone beside it has the same store. Tests that change something work on
    a copy of both: `copy_of(pipeline_run, tmp_path)`.
    """
    folder = tmp_path_factory.mktemp("pipeline") / "flights"
    folder.mkdir()
    copy_project(folder, *CODE, ".gitignore", ".dvcignore")
    shutil.copy(database, folder / "mlflow.db")
    (folder / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/.gitignore", folder / ".dvc")
    config = (ROOT / ".dvc/config").read_text()
    # Relative to the file itself.
    beside = re.sub(r"(?m)^( +url =) .*$", r"\1 ../../store", config)
    (folder / ".dvc/config").write_text(beside)
    succeed("git", "init", "--quiet", "--initial-branch=dev", cwd=folder)
    succeed("dvc", "repro", "--quiet", cwd=folder)
    succeed("dvc", "push", "--quiet", "--run-cache", cwd=folder)
    succeed("git", "add", "--all", cwd=folder)
    succeed("git", "commit", "--quiet", "--message", "The first model", cwd=folder)
    return folder
