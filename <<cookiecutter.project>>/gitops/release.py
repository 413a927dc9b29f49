"""A release: the record that a tree is whole, and which model it is; made by whoever is first."""

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from gitops import bundle, forge, journal
from gitops.bundle import LOCK, METRICS, MODEL
from gitops.context import Context
from gitops.git import Taken
from gitops.records import Model, Release
from gitops.registry import Registry
from gitops.settings import Refused, parse

SECONDS = 60  # `review.lock` answers in a tenth of one


class NoModel(Refused):
    """The tree has no dvc.lock: nothing was ever trained."""


class Stale(Refused):
    """dvc.lock is behind the tree's code, parameters or data."""


def make(context: Context, commit: str, skipped: tuple[str, ...] = ()) -> Release:
    """The release of a commit's tree: the one that is there, or a new one.

    Raises:
        NoModel, Stale: there is nothing to release yet.
        Refused: the tree's record is not believed, or an output is missing.
    """
    repository = context.repository
    tree = repository.tree(commit)
    known = journal.read(repository)
    name = f"release/{tree[:12]}"
    if tree in known.releases:
        return known.releases[tree]
    if name in known.damaged:
        raise Refused(known.damaged[name])
    if name in known.lost:
        raise Refused(f"{name}: was deleted; `make reconcile` brings it back")
    release = build(context, commit, tree, skipped)
    text = release.model_dump_json(by_alias=True, indent=1)
    try:
        tag = repository.write_tag(name, commit, "commit", text)
        repository.push(tag, f"refs/tags/{name}")
    except Taken:
        print(f"{name}: made by another run meanwhile; that one counts")
    repository.fetch()
    made = journal.read(repository).release(tree)
    if made.image and made.image != release.image:
        from gitops import image

        image.retag(made.image, tree)
    return made


def build(context: Context, commit: str, tree: str, skipped: tuple[str, ...]) -> Release:
    repository = context.repository
    lock = repository.file(tree, LOCK)
    if lock is None:
        raise NoModel(
            f"{tree[:12]} has no {LOCK}, so no model yet: on a branch run `make reproduce`, "
            "commit, and open a pull request to "
            f"{context.first.branch}"
        )
    outputs = bundle.outputs(lock)
    models = [path for path in outputs if path.startswith("models/")]
    if MODEL not in models:
        raise Refused(f"{LOCK}: names no {MODEL}, and that is what a release serves")
    with bundle.making(context.home) as work:
        bundle.extract(repository, commit, work)
        fresh(work)
        others = {*bundle.reported(outputs), METRICS}
        bundle.fetch(repository, commit, [*models, *sorted(others)], work)
        files = {path: bundle.digest(work / path) for path in models}
        metrics = json.loads((work / METRICS).read_text()).get("model")
        bundle.seal(work, tree, files)
        folder = bundle.place(context.home, tree)
        bundle.keep(work, folder, files)
    values = {
        "tree": tree,
        "commit": commit,
        "lock_sha256": hashlib.sha256(lock).hexdigest(),
        "model": Model(sha256=files[MODEL], files=files, version=None, run=None),
        "data": outputs,
        "metrics": metrics,
        "image": imaged(context, commit, tree, folder),
        "skipped": skipped,
        "by": context.by,
        "created": datetime.now(UTC),
        "url": context.run_url,
    }
    draft = parse(Release, values, f"release/{tree[:12]}")
    return registered(draft, folder, context.registry)


def imaged(context: Context, commit: str, tree: str, folder: Path) -> str | None:
    """The image of a release, by its digest, where an environment runs images.

    Raises:
        Refused: it can't be built or pushed.
    """
    if not any(one.contained for one in context.environments.values()):
        return None
    # What a release without an image has no use for takes a third of a second to load.
    from gitops import image

    when = int(context.repository.git("log", "-1", "--format=%ct", commit))
    place = forge.located(context.repository)  # without a password that the remote's URL may hold
    source = f"https://{place}" if place.host else Path(place.path).as_uri()
    about = image.About(tree, commit, datetime.fromtimestamp(when, UTC), source)
    return image.make(folder, about)


def registered(draft: Release, folder: Path, registry: Registry) -> Release:
    """With what MLflow knows of it, which is a help to people and never a condition."""
    try:
        known = {
            "run": registry.run_of(draft.model.sha256),
            "version": registry.register(draft, folder),
        }
    except Refused as refusal:
        print(f"warning: {refusal}; `make reconcile` registers it later", file=sys.stderr)
        return draft
    return draft.model_copy(update={"model": draft.model.model_copy(update=known)})


def fresh(folder: Path) -> None:
    """Ask the tree itself whether its dvc.lock is up to date.

    Raises:
        Stale: it is not; the message names the stages.
    """
    done = bundle.run(folder, "review.lock", seconds=SECONDS)
    if done.returncode:
        why = "; ".join(done.stdout.strip().splitlines()) or done.stderr.strip()
        raise Stale(f"{LOCK} is behind: {why}; `make reproduce` on a branch, and commit it")
