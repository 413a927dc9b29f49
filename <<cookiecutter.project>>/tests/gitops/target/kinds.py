"""Every kind of target: how one is had, and what is seen of it from outside."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gitops.targets.docker import Docker
from gitops.targets.process import Process
from gitops.targets.route import Route
from gitops.targets.terraform.target import Terraform
from tests.gitops import containers, processes, stacks
from tests.projects import ROOT
from tests.serving import bundles

Change = Callable[[Path], None]


class Given(NamedTuple):
    """What a target is told of a release."""

    bundle: Path
    image: str | None


class Kind(Protocol):
    """What is asked of a target here is its own: `target: Any`."""

    latest: float  # seconds: about as long as a deployment takes
    instants: int  # at which a deployer is killed
    code: str  # its target, where its deployer is another process

    def made(self, bundle: Path, folder: Path, tree: str, change: Change | None = None) -> Given:
        """A release, changed if so asked."""

    def target(self, folder: Path, **limits: float) -> AbstractContextManager[Any]:
        """The environment dev of a project that no other test has, removed afterwards."""

    def again(self, target: Any) -> Any:
        """The same, as another deployer has it."""

    def told(self, target: Any) -> list[str]:
        """What such a process is told of it: its home, its project, and the name of that."""

    def numbers(self, target: Any) -> list[int]:
        """The deployments that have something which runs."""

    def only(self, target: Any) -> str:
        """What runs, which is one thing, by its name or number for the machine."""

    def lead(self, target: Any, number: int) -> None:
        """Lead clients to the second deployment, and no more: there its deployer is killed."""


class OfProcesses:
    latest, instants = 1.0, 3
    code = "from gitops.targets.process import Process\ntarget = Process(Path(home), dev)\n"

    def __init__(self, interpreters: Path) -> None:
        self.interpreters = interpreters

    def made(self, bundle: Path, folder: Path, tree: str, change: Change | None = None) -> Given:
        files = bundles.copy_of(bundle, folder, tree)
        if change:
            change(files)
        return Given(files, None)

    def target(self, folder: Path, **limits: float) -> AbstractContextManager[Process]:
        return processes.target(processes.home(folder, self.interpreters), limits=limits)

    def again(self, target: Process) -> Process:
        return Process(target.home, target.environment)

    def told(self, target: Process) -> list[str]:
        return [str(target.home), str(ROOT), ""]

    def numbers(self, target: Process) -> list[int]:
        return processes.numbers(target)

    def only(self, target: Process) -> str:
        (number,) = self.numbers(target)
        (found,) = target.workers(number)
        return str(found.state().pid)

    def lead(self, target: Process, number: int) -> None:
        (old,), (new,) = target.workers(number - 1), target.workers(number)
        public = old.give()
        assert public
        with public:
            new.listen(public)


class OfContainers:
    latest, instants = 3.5, 4
    code = "from gitops.targets.docker import Docker\ntarget = Docker(Path(home), dev, project)\n"

    def made(self, bundle: Path, folder: Path, tree: str, change: Change | None = None) -> Given:
        return Given(*containers.made(bundle, folder, tree, change))

    def target(self, folder: Path, **limits: float) -> AbstractContextManager[Docker]:
        return containers.target(folder, limits=limits)

    def again(self, target: Docker) -> Docker:
        home, _, project = self.told(target)
        return Docker(Path(home), target.environment, project)

    def told(self, target: Docker) -> list[str]:
        home = target.folder.parent.parent
        return [str(home), str(ROOT), target.stack.removesuffix(f"-{target.name}")]

    def numbers(self, target: Docker) -> list[int]:
        return containers.numbers(target)

    def only(self, target: Docker) -> str:
        return str(containers.only(target).id)

    def lead(self, target: Docker, number: int) -> None:
        target.gateway.lead(Route("green", number))


class OfStacks(OfContainers):
    latest, instants = 9.0, 10
    code = (
        "from gitops.targets.terraform.target import Terraform\n"
        "target = Terraform(Path(home), dev, project, Path(root))\n"
    )

    def __init__(self, declarers: Path) -> None:
        self.declarers = declarers

    def target(self, folder: Path, **limits: float) -> AbstractContextManager[Terraform]:
        return stacks.target(folder, self.declarers, **limits)

    def again(self, target: Docker) -> Terraform:
        assert isinstance(target, Terraform)
        return Terraform(target.home, target.environment, target.project, target.root)

    def told(self, target: Docker) -> list[str]:
        assert isinstance(target, Terraform)
        return [str(target.home), str(target.root), target.project]


def left(kind: Kind, target: Any, *numbers: int) -> None:
    """Wait until nothing else runs, once those that drain have ended."""
    bundles.until(lambda: set(kind.numbers(target)) == set(numbers))
