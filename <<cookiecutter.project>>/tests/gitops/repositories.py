"""Forges in a temporary folder: a bare repository, clones of it, and the story their tags tell."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitops.git import Repository
from gitops.records import Evidence, Intent, Model, Outcome, Release
from gitops.settings import Strict
from tests.projects import ROOT, succeed

BRANCHES = ("dev", "uat", "main")
MODEL = "0" * 63 + "1"
WHEN = datetime(2024, 1, 1, tzinfo=UTC)


def forge_of(folder: Path) -> Repository:
    """A bare `origin.git` and a clone of it; dev, uat and main hold one tree with environments/."""
    remote = folder / "origin.git"
    succeed("git", "init", "--quiet", "--bare", "--initial-branch=dev", str(remote), cwd=folder)
    path = folder / "clone"
    succeed("git", "init", "--quiet", "--initial-branch=dev", str(path), cwd=folder)
    succeed("git", "remote", "add", "origin", str(remote), cwd=path)
    shutil.copytree(ROOT / "environments", path / "environments")
    succeed("git", "add", ".", cwd=path)
    succeed("git", "commit", "--quiet", "--message", "first", cwd=path)
    succeed("git", "push", "--quiet", "origin", *(f"dev:{one}" for one in BRANCHES), cwd=path)
    repository = Repository(path, "origin")
    repository.fetch()
    return repository


def clone_of(repository: Repository, name: str) -> Repository:
    """Somebody else's clone, beside the first."""
    path = repository.path.with_name(name)
    succeed("git", "clone", "--quiet", repository.url, str(path), cwd=path.parent)
    return Repository(path, "origin")


def commit(repository: Repository, branch: str, **files: str) -> str:
    """Commit files (by name) on top of a branch of the remote, and push it."""
    path = repository.path
    succeed("git", "fetch", "--quiet", "origin", cwd=path)
    succeed("git", "switch", "--quiet", "--force-create", branch, f"origin/{branch}", cwd=path)
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    succeed("git", "add", "--all", cwd=path)
    succeed("git", "commit", "--quiet", "--message", f"Change {', '.join(files)}", cwd=path)
    succeed("git", "push", "--quiet", "origin", branch, cwd=path)
    return succeed("git", "rev-parse", "HEAD", cwd=path).strip()


def json_of(record: Strict) -> str:
    return record.model_dump_json(by_alias=True)


def release_of(tree: str, commit: str, **changes: Any) -> Release:
    values: dict[str, Any] = {
        "tree": tree,
        "commit": commit,
        "lock_sha256": "a" * 64,
        "model": Model(sha256=MODEL, files={"models/model.onnx": MODEL}, version=1, run=None),
        "data": {"data/raw.parquet": "b" * 32},
        "metrics": {"roc_auc": 0.7},
        "image": None,
        "skipped": (),
        "by": "Test",
        "created": WHEN,
        "url": None,
    }
    return Release.model_validate(values | changes)


def intent_of(release: Release, environment: str, number: int, **changes: Any) -> Intent:
    values: dict[str, Any] = {
        "environment": environment,
        "number": number,
        "tree": release.tree,
        "commit": release.commit,
        "worker": "one",
        "forced": False,
        "by": "Test",
        "created": WHEN,
        "url": None,
    }
    return Intent.model_validate(values | changes)


def outcome_of(intent: Intent, release: Release, **changes: Any) -> Outcome:
    sha256 = release.model.sha256
    seen = Evidence(release=intent.tree, model_sha256=sha256, rows=200, difference=0.0)
    values: dict[str, Any] = {
        "environment": intent.environment,
        "number": intent.number,
        "tree": intent.tree,
        "result": "healthy",
        "reason": None,
        "touched": True,
        "evidence": seen,
        "worker": intent.worker,
        "created": WHEN,
    }
    return Outcome.model_validate(values | changes)


def tag(repository: Repository, name: str, object_: str, kind: str, message: str) -> str:
    """Push an annotated tag to the remote, and know it here; return its object."""
    made = repository.write_tag(name, object_, kind, message)
    repository.push(made, f"refs/tags/{name}")
    repository.fetch()
    return made


def add_release(repository: Repository, commit: str, **changes: Any) -> tuple[Release, str]:
    """Record the release of a commit; return it and its tag's object."""
    release = release_of(repository.tree(commit), commit, **changes)
    return release, tag(repository, f"release/{release.name}", commit, "commit", json_of(release))


def add_intent(
    repository: Repository, release: Release, held: str, environment: str, number: int
) -> tuple[Intent, str]:
    """Record an intent on the release's tag object `held`; return it and its tag's object."""
    intent = intent_of(release, environment, number)
    return intent, tag(repository, f"deploy/{environment}/{number}", held, "tag", json_of(intent))


def add_outcome(
    repository: Repository, release: Release, intent: Intent, held: str, **changes: Any
) -> tuple[Outcome, str]:
    """Record what came of the intent whose tag object is `held`."""
    outcome = outcome_of(intent, release, **changes)
    name = f"deployed/{intent.environment}/{intent.number}"
    return outcome, tag(repository, name, held, "tag", json_of(outcome))


def add_deployment(
    repository: Repository, release: Release, held: str, environment: str, number: int
) -> tuple[Outcome, str]:
    """Record a healthy deployment of the release whose tag object is `held`."""
    intent, claimed = add_intent(repository, release, held, environment, number)
    return add_outcome(repository, release, intent, claimed)


def fill(repository: Repository, releases: int, deployments: int) -> None:
    """A long story at once: releases on dev, and healthy deployments of them in turn.

    Raises:
        AssertionError: git does not take it.
    """
    remote = Repository(Path(repository.url), "origin")
    tip = repository.commit("refs/remotes/origin/dev")
    remote.git("fast-import", "--quiet", "--force", text="".join(commits(releases, tip)))
    commits_ = remote.git("rev-list", "--reverse", f"{tip}..dev", "--").split()
    trees = remote.git("log", "--reverse", "--format=%T", f"{tip}..dev", "--").split()
    known = [release_of(*pair) for pair in zip(trees, commits_, strict=True)]
    remote.git("fast-import", "--quiet", "--force", text="".join(tags(known, deployments)))
    remote.git("pack-refs", "--all")


def commits(count: int, tip: str) -> Iterator[str]:
    for number in range(count):
        start = f"from {tip}\n" if number == 0 else ""
        yield f"commit refs/heads/dev\ncommitter {IDENT}\n{data(f'change {number}')}{start}"
        yield f"M 100644 inline params.yaml\n{data(f'number: {number}')}\n"


def tags(releases: list[Release], deployments: int) -> Iterator[str]:
    for place, release in enumerate(releases, 1):
        name = f"release/{release.name}"
        yield annotated(name, f":{place}", release.commit, json_of(release))
    for number in range(deployments):
        environment = ("dev", "uat", "prod")[number % 3]
        place = number * len(releases) // deployments
        release = releases[place]
        intent = intent_of(release, environment, number // 3 + 1)
        name = f"{environment}/{intent.number}"
        mark = len(releases) + 1 + number
        yield annotated(f"deploy/{name}", f":{mark}", f":{place + 1}", json_of(intent))
        outcome = json_of(outcome_of(intent, release))
        yield annotated(f"deployed/{name}", "", f":{mark}", outcome)


IDENT = "Test <test@localhost> 1704067200 +0000"


def annotated(name: str, mark: str, object_: str, message: str) -> str:
    marked = f"mark {mark}\n" if mark else ""
    return f"tag {name}\n{marked}from {object_}\ntagger {IDENT}\n{data(message)}"


def data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
