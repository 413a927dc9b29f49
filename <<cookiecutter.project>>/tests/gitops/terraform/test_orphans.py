"""What was made and is not remembered goes, unless clients are led to it."""

import contextlib
from collections.abc import Iterator

import pytest
from docker import DockerClient
from docker.errors import NotFound

from gitops.targets.labels import NUMBER, STACK
from gitops.targets.route import Route
from gitops.targets.terraform.orphans import labelled, networks, sweep
from tests.gitops import containers

pytestmark = pytest.mark.skipif(bool(reason := containers.missing()), reason=str(reason))


@pytest.fixture
def stack(client: DockerClient) -> Iterator[str]:
    """The name of an environment's things, all of which go."""
    name = containers.name()
    yield name
    for one in labelled(client, name):
        one.remove(force=True)
    with contextlib.suppress(NotFound):
        client.networks.get(name).remove()


def made(client: DockerClient, stack: str, number: int, base: str) -> str:
    """A container of a deployment that never ran."""
    labels = {STACK: stack, NUMBER: str(number)}
    found: str = client.containers.create(base, ["true"], labels=labels).id
    return found


@pytest.fixture
def base(client: DockerClient) -> str:
    """Any image of this machine."""
    return str(client.images.list()[0].id)


def test_only_what_is_remembered_or_serves_stays(
    client: DockerClient, stack: str, base: str
) -> None:
    known, serving, left = (made(client, stack, number, base) for number in (1, 2, 3))
    other = made(client, f"{stack}-other", 3, base)

    sweep(client, stack, {known}, Route("blue", 2))

    assert {one.id for one in labelled(client, stack)} == {known, serving}
    assert [one.id for one in labelled(client, f"{stack}-other")] == [other]
    sweep(client, f"{stack}-other", ())
    sweep(client, stack, ())
    assert labelled(client, stack) == []
    assert left


def test_a_network_is_taken_over(client: DockerClient, stack: str) -> None:
    assert networks(client, stack, ()) == []
    made = client.networks.create(stack).id

    assert networks(client, stack, ()) == [made]
    assert networks(client, stack, {made}) == []
