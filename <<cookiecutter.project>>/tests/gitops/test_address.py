"""The public address is listened on once, and who can't have it is told why."""

import socket
import threading

import pytest

from gitops.settings import Refused
from gitops.targets import address
from tests.serving.bundles import free_port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_it_is_listened_on(host: str) -> None:
    port = free_port()
    try:
        with address.bound(f"{host}:{port}", "dev") as listening:
            socket.create_connection(listening.getsockname()[:2], timeout=10).close()
    except Refused as refusal:
        if "[::1]" in str(refusal):
            pytest.skip("this machine has no IPv6")
        raise


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("192.0.2.1:8101", "Cannot assign requested address|Can't assign requested address"),
        ("no.such.host.invalid:8101", "known|resolution|nodename"),
    ],
)
def test_an_address_that_is_not_of_this_machine_is_refused(where: str, why: str) -> None:
    with pytest.raises(Refused, match=rf"^{where}: can't be listened on \(.*({why}).*dev\.toml$"):
        address.bound(where, "dev")


def test_one_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Refused, match=r"already in use.*; end what holds it, or give dev"):
            address.bound(where, "dev")


def test_one_that_is_given_back_in_a_moment_is_waited_for() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    where = f"127.0.0.1:{taken.getsockname()[1]}"
    later = threading.Timer(0.1, taken.close)
    later.start()

    address.bound(where, "dev").close()

    later.join()
