"""The lock against the tree, without DVC and without data."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.stage import StageError
from review import lock
from tests.projects import change_params, command, copy_of

DEFINITION: dict[str, Any] = {
    "stages": {
        "first": {"cmd": "one", "deps": ["a.py"], "params": ["block.key"], "outs": ["data"]},
        "second": {"cmd": "two", "deps": ["data"], "metrics": [{"m.json": {"cache": False}}]},
    }
}
LOCK: dict[str, Any] = {
    "schema": "2.0",
    "stages": {
        "first": {
            "cmd": "one",
            "deps": [{"path": "a.py", "md5": lock.hash_of(b"code")}],
            "params": {"params.yaml": {"block.key": 1}},
            "outs": [{"path": "data", "md5": "d"}],
        },
        "second": {
            "cmd": "two",
            "deps": [{"path": "data", "md5": "d"}],
            "outs": [{"path": "m.json", "md5": "m"}],
        },
    },
}


def tree(**changed: bytes | None) -> lock.Read:
    files: dict[str, bytes | None] = {
        "dvc.yaml": yaml.safe_dump(DEFINITION).encode(),
        "dvc.lock": yaml.safe_dump(LOCK).encode(),
        "params.yaml": b"block: {key: 1}",
        "a.py": b"code",
    }
    return {**files, **{name.replace("__", "."): text for name, text in changed.items()}}.get


def test_an_unchanged_tree_is_not_stale() -> None:
    assert lock.stale(tree()) == {}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"a__py": b"other"}, "a.py changed"),
        ({"a__py": None}, "a.py is missing"),
        ({"params__yaml": b"block: {key: 2}"}, "params.yaml: block.key changed"),
        ({"params__yaml": b"block: {}"}, "params.yaml: block.key changed"),
    ],
)
def test_what_a_stage_needs_makes_it_stale(changed: dict[str, bytes | None], reason: str) -> None:
    assert lock.stale(tree(**changed)) == {"first": [reason]}


def test_a_change_of_the_stage_itself_makes_it_stale() -> None:
    stages = {name: dict(stage) for name, stage in DEFINITION["stages"].items()}
    stages["first"] |= {"cmd": "other", "deps": ["a.py", "b.py"], "outs": ["data", "more"]}
    definition = yaml.safe_dump({"stages": stages}).encode()
    (reasons,) = lock.stale(tree(dvc__yaml=definition, b__py=b"x")).values()
    assert reasons == ["cmd changed", "b.py is new", "other outputs"]


def test_what_another_stage_made_is_taken_from_the_lock() -> None:
    moved = {name: dict(stage) for name, stage in LOCK["stages"].items()}
    moved["first"]["outs"] = [{"path": "data", "md5": "e"}]
    found = lock.stale(tree(dvc__lock=yaml.safe_dump({"stages": moved}).encode()))
    assert found == {"second": ["data changed"]}


def test_without_a_lock_every_stage_never_ran() -> None:
    assert lock.stale(tree(dvc__lock=None)) == {"first": ["never ran"], "second": ["never ran"]}


def test_what_only_dvc_resolves_is_left_to_it() -> None:
    with pytest.raises(StageError, match="dvc status"):
        lock.stale(tree(dvc__yaml=b"stages: {a: {cmd: '${x}'}}"))


@pytest.mark.parametrize("text", [b"a: [", b"[]", b"stages: 1"])
def test_a_damaged_lock_is_named(text: bytes) -> None:
    with pytest.raises(StageError, match=r"dvc\.lock"):
        lock.stale(tree(dvc__lock=text))


def test_it_agrees_with_dvc_on_a_real_project(pipeline_run: Path, tmp_path: Path) -> None:
    project = copy_of(pipeline_run, tmp_path)
    ask = ("python", "-m", "review.lock")
    assert command(*ask, cwd=project).returncode == 0
    change_params(project, train={"num_leaves": 7})
    told = command(*ask, cwd=project)
    assert told.returncode == 1
    assert told.stdout == "train: params.yaml: train changed\n"
    assert "make reproduce" in told.stderr
    seen = command("dvc", "status", "--json", cwd=project)
    # DVC counts a stage after a stale one only once the stale one has run; so does the lock.
    assert list(yaml.safe_load(seen.stdout)) == ["train"]
