"""A gateway on a real engine: started, replaced, restarted, in the way of somebody else."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitops import engine
from gitops.environment import PINNED
from gitops.settings import Refused
from gitops.targets import caddy, gateway
from gitops.targets.calls import put
from gitops.targets.client import Silent, ask
from gitops.targets.gateway import Gateway
from gitops.targets.route import Route
from tests.gitops import containers
from tests.serving import bundles

pytestmark = pytest.mark.skipif(bool(reason := containers.missing()), reason=str(reason))


@pytest.fixture
def found() -> Iterator[Gateway]:
    address = f"127.0.0.1:{bundles.free_port()}"
    found = Gateway(engine.connect(), containers.name(), address, gateway.chosen(None))
    yield found
    found.remove()


def answers(found: Gateway) -> bool:
    """It does, though no release serves yet."""
    try:
        ask(f"http://{found.address}", "/", seconds=bundles.SECONDS)
    except Silent:
        return False
    except Refused as refusal:
        return "no release serves here yet" in str(refusal)
    return True


def identity(found: Gateway) -> str:
    return str(found.container(found.name).id)


def test_it_stays_as_it_is(found: Gateway) -> None:
    found.up()
    first = identity(found)

    found.up()

    assert identity(found) == first
    assert answers(found)


def test_it_has_as_few_rights_as_will_do(found: Gateway) -> None:
    found.up()

    about = found.container(found.name).attrs
    host = about["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] in (["NET_BIND_SERVICE"], ["CAP_NET_BIND_SERVICE"])
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert about["Config"]["User"] == gateway.NOBODY


def test_a_foreign_process_on_the_address_is_left_alone(found: Gateway) -> None:
    host, _, port = found.address.partition(":")
    with (
        socket.create_server((host, int(port))),
        pytest.raises(Refused, match=f"(?s){found.address}: can't be listened on.*in use.*stop"),
    ):
        found.up()

    found.up()
    assert answers(found)


def test_another_address_is_taken_over(found: Gateway) -> None:
    found.up()
    other = replace(found, address=f"127.0.0.1:{bundles.free_port()}")

    other.up()

    assert answers(other)
    assert not answers(found)
    assert found.container(found.new) is None


def test_one_that_can_not_be_replaced_goes_on(found: Gateway) -> None:
    found.up()
    with socket.create_server(("127.0.0.1", 0)) as held:
        other = replace(found, address=f"127.0.0.1:{held.getsockname()[1]}")
        with pytest.raises(Refused, match="can't be listened on"):
            other.up()

    bundles.until(lambda: answers(found))
    assert found.container(found.new) is None


@pytest.mark.parametrize("started", [False, True])
def test_an_interrupted_replacement_is_finished(found: Gateway, started: bool) -> None:
    found.up()
    other = replace(found, address=f"127.0.0.1:{bundles.free_port()}")
    made = other.create()
    if started:
        made.start()  # and here somebody was killed

    other.up()

    assert answers(other)
    assert found.container(found.new) is None
    assert (identity(other) == made.id) == started


def test_clients_are_led_where_they_were_after_a_restart(found: Gateway) -> None:
    found.up()
    assert found.route() is None
    for route in (Route("blue", 1), Route("green", 2), Route("blue", 3)):
        found.lead(route)
        assert found.route() == route

    found.container(found.name).restart(timeout=1)

    assert found.route() == Route("blue", 3)
    found.container(found.name).stop(timeout=1)
    assert found.route() == Route("blue", 3)


def test_half_a_route_is_none(found: Gateway) -> None:
    """A file that the engine was about to write."""
    found.up()
    found.lead(Route("blue", 1))
    put(found.container(found.name), caddy.FOLDER, {"green": b""}, time=2)

    assert found.route() == Route("blue", 1)


def test_one_that_ends_says_why(found: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caddy, "content", lambda: b"{")

    with pytest.raises(Refused, match=f"{found.name}: does not come up: .*JSON"):
        found.up()

    assert found.container(found.name) is None
    assert found.container(found.new) is None


def test_an_image_is_pinned_where_nobody_chooses_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_IMAGE", raising=False)

    assert PINNED.fullmatch(gateway.chosen(None))
    assert gateway.chosen("mine") == "mine"
    monkeypatch.setenv("GATEWAY_IMAGE", "another")
    assert gateway.chosen("mine") == "another"
