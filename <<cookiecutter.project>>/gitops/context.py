"""What every command works with: the repository, its forge, its environments, and who asks."""

import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gitops import environment, forge, git
from gitops.environment import Environment
from gitops.forges import remote
from gitops.registry import Registry, uri
from gitops.settings import Refused
from gitops.target import Target

# Of a home, by kind of target.
FOLDERS = {"process": "environments", "docker": "containers", "terraform": "terraform"}


@dataclass(frozen=True)
class Context:
    repository: git.Repository
    environments: Mapping[str, Environment]
    project: str
    home: Path

    @cached_property
    def forge(self) -> forge.Forge:
        return remote.of(self.repository)

    @cached_property
    def registry(self) -> Registry:
        return Registry(uri(self.home), self.project, self.home)

    @property
    def first(self) -> Environment:
        """Where releases are made."""
        return environment.first(self.environments)

    @property
    def last(self) -> Environment:
        """Where the way ends: PROD."""
        return list(self.environments.values())[-1]

    @property
    def by(self) -> str:
        """Who asks, as the records name them."""
        known = os.environ.get("GITHUB_ACTOR")
        return known or self.repository.git("var", "GIT_COMMITTER_IDENT").partition(" <")[0]

    @property
    def run_url(self) -> str | None:
        """The workflow's run, where there is one to look at."""
        if log := os.environ.get("RUN_LOG"):  # of the runner on this machine
            return Path(log).as_uri()
        server, name, run = (
            os.environ.get(f"GITHUB_{key}") for key in ("SERVER_URL", "REPOSITORY", "RUN_ID")
        )
        return f"{server}/{name}/actions/runs/{run}" if server and name and run else None

    def target(self, environment: Environment) -> Target:
        """Where an environment runs, to look at."""
        return self.targets[environment.target](environment)

    def places(self, environment: Environment) -> list[Target]:
        """The same, and where it ran while another kind of target was chosen."""
        kinds = [
            kind
            for kind, folder in FOLDERS.items()
            if kind == environment.target or (self.home / folder / environment.name).is_dir()
        ]
        return [self.targets[kind](environment) for kind in kinds]

    @property
    def targets(self) -> dict[str, Callable[[Environment], Target]]:
        return {"process": self.process, "docker": self.docker, "terraform": self.terraform}

    def process(self, environment: Environment) -> Target:
        from gitops.targets.process import Process

        return Process(self.home, environment)

    def docker(self, environment: Environment) -> Target:
        # Its library takes a fifth of a second to load.
        from gitops.targets.docker import Docker

        return Docker(self.home, environment, self.stack)

    def terraform(self, environment: Environment) -> Target:
        from gitops.targets.terraform.target import Terraform

        return Terraform(self.home, environment, self.stack, self.repository.path)

    @property
    def stack(self) -> str:
        """What our things on an engine are named after: repositories on this machine share one."""
        host = forge.located(self.repository).host
        return self.project if host else stack_here(self.project, self.home)

    def lasting(self, environment: Environment) -> Target:
        """The same, to bring something up there that is to outlive the job.

        Raises:
            Refused: this machine does not outlive it, and what is recorded would; or no
                container engine answers where one is needed.
        """
        hosted = os.environ.get("RUNNER_ENVIRONMENT") == "github-hosted"  # GitHub says so
        away = False
        if environment.contained:
            from gitops import engine

            engine.connect()
            away = not engine.address().startswith(("unix:", "npipe:"))
        if hosted and forge.located(self.repository).host and not away:
            raise Refused(
                "GitHub deletes this runner when its job ends, and every service with it: set the "
                "repository's variable RUNNER to the label of a self-hosted runner, see "
                "docs/github.md"
            )
        return self.target(environment)


def stack_here(project: str, home: Path) -> str:
    """What a repository on this machine names its things on an engine after: others share it."""
    return f"{project}-{hashlib.sha256(bytes(home.resolve())).hexdigest()[:6]}"


def here(name: str | None = None, *, fetch: bool = True) -> Context:
    """The context of this folder, with everything that the remote knows.

    Raises:
        Refused: no repository, no remote, or a wrong setting.
    """
    return of(git.find(name), fetch=fetch)


def of(repository: git.Repository, *, fetch: bool = True) -> Context:
    """The context of a repository."""
    if fetch:
        repository.fetch()
    text = (repository.path / "pyproject.toml").read_text()
    environments = environment.read(repository.path / environment.FOLDER)
    project = tomllib.loads(text)["project"]["name"]
    return Context(repository, environments, project, forge.home(repository))
