"""What a ground was told of an environment goes with it, and Prometheus hears of each change."""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import NotFound

from gitops.settings import Refused
from gitops.targets.calls import pull, put
from gitops.targets.labels import RULES, STACK
from gitops.targets.terraform import ground
from gitops.targets.terraform.orphans import labelled
from tests.gitops import containers
from tests.projects import ROOT
from tests.serving.bundles import until

pytestmark = pytest.mark.skipif(bool(reason := containers.missing()), reason=str(reason))

# Says on the volume that it was told; a shell does so when it wakes.
LISTENING = "trap 'touch /rules/told' HUP; touch /rules/listens; while :; do sleep 0.05; done"


@dataclass
class Ground:
    """A volume, and a container that stands for Prometheus."""

    client: DockerClient
    base: str
    name: str

    @property
    def stack(self) -> str:
        """The name of an environment that is watched here, and nowhere else on the engine."""
        return f"{self.name}-dev"

    @property
    def mount(self) -> dict[str, Any]:
        return {self.name: {"bind": ground.FOLDER, "mode": "rw"}}

    @property
    def prometheus(self) -> Any:
        return self.client.containers.get(self.name)

    def begin(self) -> None:
        self.client.containers.run(
            self.base,
            ["sh", "-c", LISTENING],
            name=self.name,
            labels={ground.LABEL: self.name},
            volumes=self.mount,
            network_mode="none",
            detach=True,
        )
        until(lambda: "listens" in self.files())

    def write(self, stack: str) -> Any:
        """As terraform does: by a container that never runs."""
        labels = {STACK: stack, RULES: self.name}
        made = self.client.containers.create(
            self.base, ["true"], labels=labels, volumes=self.mount, network_mode="none"
        )
        put(made, ground.FOLDER, {f"{stack}.json": b"[]", f"{stack}.yml": b"groups: []"})
        return made

    def files(self) -> set[str]:
        found = self.prometheus.exec_run(["ls", ground.FOLDER]).output.decode().split()
        return set(found)

    def told(self) -> bool:
        """Was it? It is not, the next time."""
        if "told" not in self.files():
            return False
        self.prometheus.exec_run(["rm", f"{ground.FOLDER}/told"])
        return True


@pytest.fixture(scope="module")
def base(client: DockerClient) -> str:
    text = (ROOT / "serving/Dockerfile").read_text()
    (official,) = re.findall(r"(?m)^ARG BASE=(\S+)$", text)
    found = os.environ.get("IMAGE_BASE") or official
    pull(client, found)
    return found


@pytest.fixture
def there(client: DockerClient, base: str) -> Iterator[Ground]:
    found = Ground(client, base, containers.name())
    try:
        found.begin()
        yield found
    finally:
        for one in client.containers.list(all=True, filters={"volume": found.name}):
            one.remove(force=True)
        client.volumes.get(found.name).remove()


def test_one_environment_s_files_go_and_prometheus_is_told(
    client: DockerClient, there: Ground
) -> None:
    mine, other = there.stack, f"{there.stack}-2"
    for stack in (mine, other):
        there.write(stack)

    ground.forget(client, mine)

    until(there.told)
    assert there.files() == {"listens", f"{other}.json", f"{other}.yml"}
    assert labelled(client, mine) == []
    assert len(labelled(client, other)) == 1


def test_what_is_still_named_stays(client: DockerClient, there: Ground) -> None:
    there.write(there.stack)

    ground.forget(client, there.stack, kept=there.name)

    assert f"{there.stack}.yml" in there.files()
    ground.forget(client, there.stack, kept="another")
    assert there.files() - {"told"} == {"listens"}


def test_prometheus_is_told_of_what_is_new(client: DockerClient, there: Ground) -> None:
    there.write(there.stack)

    ground.renew(client, there.stack)

    until(there.told)


def test_one_that_does_not_run_reads_them_when_it_begins(
    client: DockerClient, there: Ground
) -> None:
    there.write(there.stack)
    there.prometheus.stop(timeout=0)

    ground.renew(client, there.stack)
    ground.forget(client, there.stack)

    there.prometheus.start()
    until(lambda: "listens" in there.files())
    assert there.files() == {"listens"}


def test_where_nobody_reads_it_is_enough_that_nobody_writes(
    client: DockerClient, there: Ground
) -> None:
    there.write(there.stack)
    there.prometheus.remove(force=True)

    ground.forget(client, there.stack)

    assert labelled(client, there.stack) == []


@pytest.mark.parametrize("name", [ground.NETWORK, ground.RULES])
def test_a_ground_that_is_not_there_is_refused(
    client: DockerClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.there(client)
    monkeypatch.setenv(name, "nobody-s")

    with pytest.raises(Refused, match=f"^{name}=nobody-s: not on this engine; make the ground"):
        ground.there(client)
    with contextlib.suppress(NotFound):
        client.volumes.get("nobody-s")
        pytest.fail("it was made by its name")
