"""Real images on a real engine: what they may do, and what is done by hand to them."""

import contextlib
import hashlib
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gitops import engine
from gitops.settings import Refused
from gitops.targets import gateway
from gitops.targets.docker import Docker
from tests.gitops import containers, engines
from tests.gitops.containers import Made, made, numbers, only
from tests.gitops.deploying import FIRST, SECOND, deploy, number
from tests.serving import bundles

pytestmark = pytest.mark.skipif(bool(reason := containers.missing()), reason=str(reason))


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Docker]:
    with containers.target(tmp_path) as found:
        yield found


class TestADeployment:
    @pytest.fixture(scope="class")
    @classmethod
    def deployed(cls, first: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
        """For tests that only look; its deployer has secrets."""
        with (
            pytest.MonkeyPatch.context() as patch,
            containers.target(tmp_path_factory.mktemp("home")) as target,
        ):
            patch.setenv("GH_TOKEN", "not-for-a-service")
            patch.setenv("LOG_HASH_KEY", "for-the-service")
            deploy(target, 1, *first)
            yield target

    def test_is_named_by_digest(self, deployed: Docker, first: Made) -> None:
        assert only(deployed).attrs["Config"]["Image"] == first.image

    def test_has_as_few_rights_as_will_do(self, deployed: Docker) -> None:
        about = only(deployed).attrs
        host = about["HostConfig"]

        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["ReadonlyRootfs"]
        assert not host["Privileged"]
        assert host["Memory"] == host["MemorySwap"] == 2048 * 1024**2
        assert host["PidsLimit"] == 256
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
        assert about["Config"]["User"] not in ("", "0", "root")
        assert about["Config"]["Healthcheck"]["Test"]

    def test_is_reached_through_the_gateway_alone(self, deployed: Docker) -> None:
        gateway = deployed.gateway.container(deployed.gateway.name)

        assert not any(only(deployed).ports.values())
        published = [bound["HostIp"] for ports in gateway.ports.values() for bound in ports or ()]
        assert len(published) == 3
        assert set(published) == {"127.0.0.1"}

    def test_gets_what_is_its_own_of_the_deployer_s_environment(self, deployed: Docker) -> None:
        given = dict(entry.split("=", 1) for entry in only(deployed).attrs["Config"]["Env"])

        assert given["LOG_HASH_KEY"] == "for-the-service"
        assert "GH_TOKEN" not in given

    def test_keeps_its_files_as_they_are(self, deployed: Docker) -> None:
        changed = [one["Path"] for one in only(deployed).diff() or []]

        # The engine puts its own into every container.
        assert [path for path in changed if path.startswith(("/release", "/packages"))] == []

    def test_serves_on_after_its_process_was_killed(self, deployed: Docker) -> None:
        """By nobody's hand: the engine starts it again."""
        processes = only(deployed).top(ps_args="-eo pid,args")["Processes"]
        (pid,) = (pid for pid, words in processes if words.startswith("/packages/bin/python"))
        subprocess.run(["kill", "-KILL", pid], check=True, timeout=bundles.SECONDS)

        bundles.until(lambda: only(deployed).attrs["RestartCount"] == 1)
        bundles.until(lambda: number(deployed) == 1)


def test_keys_of_clients_are_a_file_of_the_container(
    target: Docker, first: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = hashlib.sha256(b"a key of a client, long enough").hexdigest()
    (tmp_path / "keys").write_text(f"somebody {key}\n")
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys"))

    target.start(1, *first)

    about = json.dumps(only(target).attrs)
    assert "API_KEYS_FILE=/secrets/api-keys" in about
    assert key not in about
    held = only(target).exec_run(["cat", "/secrets/api-keys"]).output.decode()
    assert held == f"somebody {key}\n"
    refused = only(target).exec_run(["touch", "/secrets/another"])
    assert refused.exit_code != 0


def test_a_file_of_keys_that_is_not_there_is_named(
    target: Docker, first: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEYS_FILE", "/nowhere/keys")

    with pytest.raises(Refused, match="API_KEYS_FILE: /nowhere/keys: No such file"):
        target.start(1, *first)

    assert numbers(target) == []


def test_clients_are_told_to_come_again_before_the_first_release(
    target: Docker, first: Made
) -> None:
    target.start(1, *first)
    parts = urlsplit(target.url)

    with socket.create_connection((parts.hostname, parts.port), timeout=bundles.SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = b"".join(iter(lambda: client.recv(65536), b""))

    assert said.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 5" in said
    assert b"no release serves here yet" in said
    assert target.running() is None


def test_a_tag_that_was_moved_changes_nothing(target: Docker, first: Made, second: Made) -> None:
    client, repository = target.client, first.image.partition("@")[0]
    for made_ in (first, second):  # both are `latest` for a while
        client.images.get(made_.image).tag(repository, "latest")
        client.api.push(repository, "latest")
        deploy(target, (target.current() or 0) + 1, *first)

    running = target.running()
    assert running
    assert (running.tree, running.image) == (FIRST, first.image)


def test_one_that_takes_too_much_memory_says_so(bundle: Path, tmp_path: Path) -> None:
    def greedy(folder: Path) -> None:
        text = "import mmap\nheld = mmap.mmap(-1, 2**28)\nheld.write(b'x' * 2**28)\n"
        (folder / "serving/start.py").write_text(text)

    broken = made(bundle, tmp_path / "greedy", SECOND, greedy)
    with (
        containers.target(tmp_path, limits={"memory_mb": 128}) as target,
        pytest.raises(Refused, match="it used up its 128 MB, its limit memory_mb"),
    ):
        target.start(1, *broken)


@pytest.mark.parametrize("how", ["kill", "remove", "pause"])
def test_one_that_was_ended_by_hand_comes_back(target: Docker, first: Made, how: str) -> None:
    deploy(target, 1, *first)
    one = only(target)
    one.remove(force=True) if how == "remove" else getattr(one, how)()

    deploy(target, 1, *first)

    assert number(target) == 1


def test_one_that_was_changed_by_hand_is_seen_and_replaced(
    target: Docker, first: Made, second: Made
) -> None:
    """By somebody who knows all labels, and gave it other files."""
    deploy(target, 1, *first)
    one = only(target)
    about, stack = one.attrs["Config"], target.stack
    one.remove(force=True)
    target.client.containers.run(
        second.image,
        about["Cmd"],
        name=one.name,
        labels=about["Labels"],
        network=stack,
        networking_config={stack: target.client.api.create_endpoint_config(aliases=["blue"])},
        detach=True,
    )
    bundles.until(lambda: number(target) == 1)

    running = target.running()
    assert running
    assert running.image
    # Equal images of other repositories are one to the engine: it tells each name.
    assert second.image in running.image.split(", ")
    deploy(target, 1, *first)
    assert target.services.image(1) == first.image


def test_two_containers_share_the_work(first: Made, tmp_path: Path) -> None:
    with containers.target(tmp_path, workers=2) as target:
        deploy(target, 1, *first)
        one, other = sorted(target.services.found(), key=lambda one: str(one.name))
        assert other.name == f"{one.name}-1"
        other.kill()
        assert number(target) == 1
        deploy(target, 2, *first)
        assert numbers(target) == [2, 2]


def test_stopping_keeps_what_services_wrote(target: Docker, first: Made) -> None:
    deploy(target, 1, *first)
    volumes = {f"{target.stack}-state"}

    target.stop()
    left = [one.name for one in target.client.volumes.list(filters={"name": target.stack})]
    assert set(left) == volumes
    deploy(target, 1, *first)
    target.clear()

    assert target.client.volumes.list(filters={"name": target.stack}) == []
    assert target.client.networks.list(filters={"name": target.stack}) == []
    assert target.client.containers.list(all=True, filters={"name": target.stack}) == []


def test_environments_do_not_meet(first: Made, second: Made, tmp_path: Path) -> None:
    with (
        containers.target(tmp_path, name="dev") as dev,
        containers.target(tmp_path, name="uat") as uat,
    ):
        deploy(dev, 1, *first)
        deploy(uat, 1, *second)
        dev.stop()
        running = uat.running()
        assert running
        assert (running.environment, running.tree) == ("uat", SECOND)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("unix:///nowhere/docker.sock", r"no container engine answers at unix:///nowhere/docker"),
        ("tcp://127.0.0.1:1", r"no container engine answers at tcp://127\.0\.0\.1:1"),
    ],
)
def test_without_an_engine_it_says_what_is_missing(
    tmp_path: Path, first: Made, monkeypatch: pytest.MonkeyPatch, host: str, message: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    target = Docker(tmp_path, bundles.environment(target="docker"), containers.name())

    assert target.running() is None
    with pytest.raises(Refused, match=f"(?s){message}.*install an engine"):
        target.start(1, *first)
    assert engine.is_there()


@pytest.mark.skipif(bool(alone := engines.missing()), reason=str(alone))
class TestAnEngineThatEnds:
    @pytest.fixture(scope="class")
    @classmethod
    def own(cls) -> Iterator[engines.Engine]:
        with engines.own() as own, pytest.MonkeyPatch.context() as patch:
            containers.carry(own, gateway.chosen(None))
            patch.setenv("DOCKER_HOST", own.host)
            yield own

    def test_comes_back_with_the_former_deployment_and_the_next_one_converges(
        self, own: engines.Engine, tmp_path: Path, first: Made, second: Made
    ) -> None:
        with containers.target(tmp_path) as target:
            deploy(target, 1, *first)
            target.start(2, *second)

            own.end()
            with pytest.raises(Refused):
                target.switch(2)
            own.start()

            bundles.until(lambda: number(target) == 1)
            deploy(target, 2, *second)
            assert number(target) == 2
            assert numbers(target) == [2]

    # One that is killed may leave its containers ended: what is missing then is brought up.
    @pytest.mark.parametrize("after", [0.5, 1.5, 2.5])
    def test_is_killed_while_a_deployment_goes_on(
        self, own: engines.Engine, tmp_path: Path, first: Made, second: Made, after: float
    ) -> None:
        with containers.target(tmp_path) as target:
            deploy(target, 1, *first)
            ending = threading.Timer(after, own.end, [signal.SIGKILL])
            ending.start()
            with contextlib.suppress(Refused):
                deploy(target, 2, *second)
            ending.join()
            own.start()

            deploy(target, 2, *second)
            assert number(target) == 2
            assert numbers(target) == [2]
