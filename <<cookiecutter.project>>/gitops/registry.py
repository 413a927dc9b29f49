"""The model registry: one MLflow version per release, and aliases that follow deployments.

A projection of git: it can be lost and is rebuilt. No release and no deployment waits for it,
so callers take its refusals as warnings.
"""

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gitops import catalog, loadable
from gitops.catalog import LOCAL, TREE, State, reaching
from gitops.lock import held
from gitops.records import Release
from gitops.settings import Refused

__all__ = ["Registry", "State", "uri"]

PLACEHOLDER = "placeholder"  # tags a version that keeps a number until those after it are back
SECONDS = 300.0  # waits for another's registration: some seconds, minutes with a distant store


def uri(home: Path) -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{LOCAL}{home}/mlflow.db"


@dataclass(frozen=True)
class Registry:
    """Every method raises Refused, in one line, where the registry can't be reached."""

    uri: str
    project: str
    home: Path

    def read(self) -> State:
        """What it lists: fast, and MLflow is not loaded for it."""
        return catalog.of(self.uri, self.project).read()

    def alias(self, environment: str, tree: str) -> None:
        """Let the environment's alias name the version of a tree."""
        state = self.read()
        number = state.versions.get(tree)
        if number is None:
            raise Refused(f"alias {environment}: {tree[:12]} has no version in the model registry")
        if state.aliases.get(environment) != number:
            catalog.of(self.uri, self.project).alias(environment, number)

    def register(self, release: Release, bundle: Path) -> int:
        """The version of a release's tree, whole in the registry: found by its tag, else made."""
        wanted = loadable.contents(bundle, release.model.files)
        # MLflow's copy to a folder fails where another makes the same subfolders.
        with held(self.home / "registry.lock", SECONDS), reaching(self.uri):
            number = self.read().versions.get(release.tree)
            if number is None:
                self.create(release, bundle)
            elif not wanted.items() <= self.contents(number).items():
                self.store(bundle, self.location(number))
        return self.settle(release.tree)

    def rebuild(self, releases: Iterable[Release], bundle_of: Callable[[Release], Path]) -> None:
        """Register what is missing, each under the number that git has of it, if it is free.

        Raises:
            Refused: after all others were registered, those that could not be.
        """
        state = self.read()
        missing = [one for one in releases if one.tree not in state.versions]
        failed = []
        for release in sorted(missing, key=lambda one: one.model.version or float("inf")):
            self.keep_until(release.model.version)
            try:
                self.register(release, bundle_of(release))
            except Refused as refusal:
                failed.append(f"{release.name}: {refusal}")
        for number, tags in self.read().tags.items():
            if PLACEHOLDER in tags:
                self.delete(number)
        if failed:
            raise Refused("\n".join(failed))

    def run_of(self, model_sha256: str) -> str | None:
        """The training that made a model, by the tag that it left in MLflow."""
        with reaching(self.uri):
            known = self.client.get_experiment_by_name(self.project)
            words = f"tags.model_sha256 = '{model_sha256}'"
            runs = known and self.client.search_runs([known.experiment_id], words, max_results=1)
            return str(runs[0].info.run_id) if runs else None

    def prove(self, tree: str) -> dict[str, str]:
        """The sha256 of what the registry holds of a tree, by path; nothing, if it has none."""
        number = self.read().versions.get(tree)
        with reaching(self.uri):
            return {} if number is None else self.contents(number)

    @cached_property
    def client(self) -> Any:
        return catalog.client_of(self.uri)

    def create(self, release: Release, bundle: Path) -> None:
        """Files first, then the version that names them: it is never seen without them."""
        run = self.run_of(release.model.sha256)
        model = self.model_of(release.tree, run)
        self.store(bundle, model.artifact_location)
        self.client.finalize_logged_model(model.model_id, "READY")
        self.ensure_model()
        tags = {TREE: release.tree, "release.commit": release.commit}
        self.client.create_model_version(
            self.project,
            source=model.artifact_location,
            run_id=run,
            tags=tags | {"model.sha256": release.model.sha256},
            # A server demands it; a database looks it up in another one, MLflow's default.
            model_id=model.model_id if self.served else None,
        )

    def settle(self, tree: str) -> int:
        """One version per tree: of those that were made at once, the first stays."""
        tags = self.read().tags
        first, *others = sorted(number for number in tags if tags[number].get(TREE) == tree)
        for number in others:
            self.delete(number)
        return first

    def keep_until(self, number: int | None) -> None:
        """Use up the numbers before this one, so that the next version gets it."""
        last = max(self.read().tags, default=0)
        with reaching(self.uri):
            while number and last < number - 1:
                self.ensure_model()
                source, tags = f"{PLACEHOLDER}:/none", {PLACEHOLDER: "true"}
                made = self.client.create_model_version(self.project, source=source, tags=tags)
                last = int(made.version)

    def delete(self, number: int) -> None:
        with reaching(self.uri):
            try:
                self.client.delete_model_version(self.project, str(number))
            except Exception as error:
                if getattr(error, "error_code", "") != "RESOURCE_DOES_NOT_EXIST":
                    raise

    def ensure_model(self) -> None:
        try:
            self.client.create_registered_model(self.project)
        except Exception as error:
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                raise

    @property
    def served(self) -> bool:
        return self.uri.startswith(("http://", "https://"))

    def model_of(self, tree: str, run: str | None) -> Any:
        """Where the files of a tree go: the place that an earlier attempt made, or a new one."""
        experiment = self.experiment()
        words = f"tags.`{TREE}` = '{tree}'"
        if known := self.client.search_logged_models([experiment], words, max_results=1):
            return known[0]
        return self.client.create_logged_model(
            experiment, self.project, source_run_id=run, tags={TREE: tree}
        )

    def experiment(self) -> str:
        """The experiment that holds the files; a server chooses their place itself."""
        name = f"{self.project}-releases"
        known = self.client.get_experiment_by_name(name)
        if known is None:
            place = None if self.served else str(self.home.absolute() / "mlartifacts")
            return str(self.client.create_experiment(name, place))
        if known.lifecycle_stage == "deleted":
            self.client.restore_experiment(known.experiment_id)
        return str(known.experiment_id)

    def location(self, number: int) -> str:
        return str(self.client.get_model_version_download_uri(self.project, str(number)))

    def files(self, location: str) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(location, tracking_uri=self.uri, registry_uri=self.uri)

    def store(self, bundle: Path, location: str) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder, whole = Path(name) / "model", Path(name) / loadable.WHOLE
            loadable.save(bundle, folder)
            (folder / loadable.WHOLE).rename(whole)
            self.files(location).log_artifacts(str(folder))
            self.files(location).log_artifact(str(whole))

    def contents(self, number: int) -> dict[str, str]:
        files = self.files(self.location(number))
        if loadable.WHOLE not in {one.path for one in files.list_artifacts()}:
            return {}
        with tempfile.TemporaryDirectory() as name:
            return loadable.stored(Path(files.download_artifacts("", name)))
