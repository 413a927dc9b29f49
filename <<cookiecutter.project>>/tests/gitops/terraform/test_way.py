"""Where clients are led is known also when the gateway was removed by hand."""

from collections.abc import Iterator

import pytest
from docker import DockerClient

from gitops.targets import gateway
from gitops.targets.caddy import FOLDER
from gitops.targets.route import Route
from gitops.targets.terraform.way import Way
from tests.gitops import containers
from tests.serving import bundles

pytestmark = pytest.mark.skipif(bool(reason := containers.missing()), reason=str(reason))


@pytest.fixture
def way(client: DockerClient) -> Iterator[Way]:
    address = f"127.0.0.1:{bundles.free_port()}"
    found = Way(client, containers.name(), address, gateway.chosen(None))
    yield found
    if beside := found.container(found.settings):
        beside.remove(force=True)
    found.remove()


def test_the_container_beside_it_knows(client: DockerClient, way: Way) -> None:
    assert way.route() is None
    way.up()
    way.lead(Route("green", 4))
    client.containers.create(
        way.image,
        entrypoint=["caddy"],
        name=way.settings,
        volumes={way.name: {"bind": FOLDER, "mode": "rw"}},
    )
    assert way.route() == Route("green", 4)

    way.container(way.name).remove(force=True)

    assert way.route() == Route("green", 4)
