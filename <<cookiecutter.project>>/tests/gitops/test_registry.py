"""The registry is a projection: one version per tree whatever happens, lost and rebuilt at will."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitops.bundle import EXAMPLES
from gitops.catalog import TREE
from gitops.records import Release
from gitops.registry import Registry, uri
from gitops.settings import Refused
from tests.gitops.bundles import TREE as FIRST
from tests.gitops.bundles import bundle_of, numbered
from tests.projects import ROOT

SECOND, THIRD = "c" * 40, "d" * 40
ANSWERS = """
import json, sys
import mlflow, pandas
model = mlflow.pyfunc.load_model("models:/flights@prod")
examples = json.load(sys.stdin)
frame = pandas.DataFrame([example["row"] for example in examples])
said = model.predict(frame)
print(list(said.columns), said["prediction"].tolist() == [one["prediction"] for one in examples])
frame.loc[3, "carrier"] = "??"
try:
    model.predict(frame)
except Exception as error:
    print(error)
"""
REGISTER = """
import json, os, signal, sys
from pathlib import Path
from gitops.records import Release
from gitops.registry import Registry

class Doomed(Registry):
    pass

def last(name):
    method = getattr(Registry, name)
    def wrapper(*words):
        found = method(*words)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(Doomed, name, wrapper)

address, home, bundle, *points = sys.argv[1:]
release = Release.model_validate_json(sys.stdin.read())
import mlflow.pyfunc
for point in points:
    if os.fork() == 0:
        last(point)
        Doomed(address, "flights", Path(home)).register(release, Path(bundle))
        os._exit(1)
    _, status = os.wait()
    assert os.WIFSIGNALED(status), (point, status)
print(Registry(address, "flights", Path(home)).register(release, Path(bundle)))
"""


@pytest.fixture
def bundle(trained: Path, tmp_path: Path) -> Path:
    bundle_of(trained, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def release(trained: Path, tmp_path: Path) -> Release:
    found = bundle_of(trained, tmp_path / "same")
    shutil.rmtree(tmp_path / "same")
    return found


@pytest.fixture
def registry(trained: Path, tmp_path: Path) -> Registry:
    """A registry whose database knows the training."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(trained / "mlflow.db", home)
    return Registry(uri(home), "flights", home)


def stored(registry: Registry) -> Path:
    """Where the files of the only version lie."""
    return next((registry.home / "mlartifacts").rglob("MLmodel")).parent


def test_the_address_is_the_one_that_is_set_or_lies_in_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow")
    assert uri(tmp_path) == "https://mlflow"


def test_a_release_is_a_version_with_its_tree_its_model_and_its_training(
    registry: Registry, release: Release, bundle: Path
) -> None:
    assert registry.register(release, bundle) == 1
    assert registry.register(release, bundle) == 1

    version = registry.client.get_model_version("flights", "1")
    sha256 = release.model.sha256
    assert version.tags == {
        TREE: FIRST, "release.commit": release.commit, "model.sha256": sha256,
    }  # fmt: skip
    run = registry.client.get_run(version.run_id)
    assert run.data.tags["model_sha256"] == sha256
    assert registry.run_of(sha256) == version.run_id
    assert registry.run_of("0" * 64) is None


def test_a_model_that_nobody_tracked_is_registered_without_a_run(
    registry: Registry, release: Release, bundle: Path, database: Path
) -> None:
    shutil.copy(database, registry.home / "mlflow.db")

    assert registry.register(release, bundle) == 1
    assert not registry.client.get_model_version("flights", "1").run_id


def test_what_was_registered_answers_as_the_service_does(
    registry: Registry, release: Release, bundle: Path, tmp_path: Path
) -> None:
    registry.register(release, bundle)
    registry.alias("prod", FIRST)
    examples = (bundle / EXAMPLES).read_text()
    shutil.rmtree(bundle)

    done = subprocess.run(
        [sys.executable, "-c", ANSWERS], input=examples, cwd=tmp_path, timeout=300,
        env=os.environ | {"MLFLOW_TRACKING_URI": registry.uri},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    right, refused = done.stdout.splitlines()
    assert right == "['prediction'] True", done.stderr
    assert refused.startswith("carrier: must be one of ")
    assert refused.endswith("1 rows (3)")


def test_an_alias_follows_and_setting_it_again_changes_nothing(
    registry: Registry, release: Release, bundle: Path
) -> None:
    second = numbered(release, SECOND, None)
    registry.register(release, bundle)
    registry.register(second, bundle)
    for tree, number in ((FIRST, 1), (SECOND, 2), (SECOND, 2), (FIRST, 1)):
        registry.alias("prod", tree)
        assert registry.read().aliases == {"prod": number}
        assert registry.client.get_model_version_by_alias("flights", "prod").tags[TREE] == tree
    with pytest.raises(Refused, match=f"alias prod: {THIRD[:12]} has no version"):
        registry.alias("prod", THIRD)


def test_two_that_both_made_a_version_end_with_one(
    registry: Registry, release: Release, bundle: Path
) -> None:
    other = Registry(registry.uri, "flights", registry.home)
    registry.create(release, bundle)
    other.create(release, bundle)
    registry.client.create_model_version("flights", source="s3://a/b", tags={TREE: SECOND})
    assert len(registry.read().tags) == 3

    assert [other.settle(FIRST), registry.settle(FIRST)] == [1, 1]
    assert sorted(registry.read().tags) == [1, 3]
    registry.delete(2)  # gone already


def test_two_processes_at_once_make_one_version(
    registry: Registry, release: Release, bundle: Path
) -> None:
    (registry.home / "mlflow.db").unlink()
    words = [sys.executable, "-c", REGISTER, registry.uri, str(registry.home), str(bundle)]
    pipe = subprocess.PIPE
    both = [
        subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(2)
    ]
    for process in both:
        assert process.stdin
        process.stdin.write(release.model_dump_json(by_alias=True))
        process.stdin.close()
    said = [process.stdout.read() + process.stderr.read() for process in both]  # type: ignore[union-attr]
    assert [process.wait(60) for process in both] == [0, 0], said

    assert said[0] == said[1]
    assert list(registry.read().versions) == [FIRST]
    assert len(registry.read().tags) == 1


def test_killed_at_any_step_it_ends_with_one_whole_version(
    registry: Registry, release: Release, bundle: Path
) -> None:
    points = ("experiment", "model_of", "store", "ensure_model", "create", "settle")
    done = subprocess.run(
        [sys.executable, "-c", REGISTER, registry.uri, str(registry.home), str(bundle), *points],
        cwd=ROOT, input=release.model_dump_json(by_alias=True), timeout=300,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout == "1\n", done.stderr
    assert list(registry.read().tags) == [1]
    assert release.model.files.items() <= registry.prove(FIRST).items()
    assert len(list((registry.home / "mlartifacts").rglob("MLmodel"))) == 1


@pytest.mark.parametrize("path", ["artifacts/models/model.onnx", "code/pipeline/features.py"])
def test_a_changed_file_is_found_and_put_right(
    registry: Registry, release: Release, bundle: Path, path: str
) -> None:
    registry.register(release, bundle)
    right = registry.prove(FIRST)
    (stored(registry) / path).write_bytes(b"something else")
    wrong = registry.prove(FIRST)

    assert [name for name in right if wrong[name] != right[name]] == [
        path.removeprefix("artifacts/").removeprefix("code/")
    ]
    assert registry.register(release, bundle) == 1
    assert registry.prove(FIRST) == right


def test_files_that_are_gone_or_half_there_are_put_back(
    registry: Registry, release: Release, bundle: Path
) -> None:
    registry.register(release, bundle)
    right = registry.prove(FIRST)
    folder = stored(registry)
    for damage in (folder / "MLmodel", folder):
        if damage.is_file():
            damage.unlink()
        else:
            shutil.rmtree(damage)
        assert registry.prove(FIRST) == {}
        assert registry.register(release, bundle) == 1
        assert registry.prove(FIRST) == right


class Interrupted(Registry):
    """Stores all files but the last."""

    def files(self, location: str) -> Any:
        def interrupted(path: str) -> None:
            raise KeyboardInterrupt

        files = super().files(location)
        files.log_artifact = interrupted
        return files


def test_files_of_which_the_last_is_missing_are_not_taken_for_whole(
    registry: Registry, release: Release, bundle: Path
) -> None:
    registry.register(release, bundle)
    right = registry.prove(FIRST)
    shutil.rmtree(stored(registry))
    with pytest.raises(KeyboardInterrupt):
        Interrupted(registry.uri, "flights", registry.home).register(release, bundle)

    assert registry.prove(FIRST) == {}
    assert registry.register(release, bundle) == 1
    assert registry.prove(FIRST) == right


def test_of_a_tree_that_it_has_not_it_proves_nothing(registry: Registry) -> None:
    assert registry.prove(FIRST) == {}


def test_a_lost_registry_is_rebuilt_with_the_numbers_that_git_has(
    registry: Registry, release: Release, bundle: Path, database: Path
) -> None:
    known = [
        numbered(release, THIRD, None),  # made while the registry could not be reached
        numbered(release, SECOND, 5),
        numbered(release, FIRST, 2),
    ]
    shutil.copy(database, registry.home / "mlflow.db")
    registry = Registry(registry.uri, "flights", registry.home)
    registry.rebuild(known, lambda _: bundle)

    state = registry.read()
    assert state.versions == {FIRST: 2, SECOND: 5, THIRD: 6}
    assert sorted(state.tags) == [2, 5, 6]
    registry.rebuild(known, lambda _: pytest.fail("is there already"))
    assert registry.read() == state


def test_a_rebuild_that_was_killed_goes_on_with_the_same_numbers(
    registry: Registry, release: Release, bundle: Path
) -> None:
    registry.keep_until(3)
    assert len(registry.read().tags) == 2
    registry.rebuild([numbered(release, FIRST, 4)], lambda _: bundle)

    assert registry.read().versions == {FIRST: 4}
    assert list(registry.read().tags) == [4]


def test_a_number_that_is_taken_stops_no_rebuild(
    registry: Registry, release: Release, bundle: Path
) -> None:
    registry.register(numbered(release, THIRD, None), bundle)
    registry.rebuild([numbered(release, FIRST, 1), numbered(release, SECOND, 3)], lambda _: bundle)

    assert registry.read().versions == {THIRD: 1, FIRST: 2, SECOND: 3}


def test_a_release_whose_files_are_nowhere_is_named_and_stops_no_other(
    registry: Registry, release: Release, bundle: Path
) -> None:
    def bundle_or_not(one: Release) -> Path:
        if one.tree == FIRST:
            raise Refused("models/model.onnx: in no cache")
        return bundle

    known = [numbered(release, FIRST, 1), numbered(release, SECOND, 2)]
    with pytest.raises(Refused, match=f"^{FIRST[:12]}: models/model.onnx: in no cache$"):
        registry.rebuild(known, bundle_or_not)

    assert registry.read().versions == {SECOND: 2}


def test_a_deleted_experiment_is_taken_up_again(
    registry: Registry, release: Release, bundle: Path
) -> None:
    registry.client.delete_experiment(registry.experiment())

    assert registry.register(release, bundle) == 1


def test_a_bundle_that_is_not_whole_is_refused_and_leaves_no_version(
    registry: Registry, release: Release, bundle: Path, capfd: pytest.CaptureFixture[Any]
) -> None:
    (bundle / EXAMPLES).unlink()
    with pytest.raises(Refused, match=r"No such file .*examples\.json"):
        registry.register(release, bundle)

    assert registry.read().tags == {}
    assert json.dumps(capfd.readouterr()) == '["", ""]'
