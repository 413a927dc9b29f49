"""Real images on a real engine, replaced under real clients: no request fails."""

import contextlib
import hashlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gitops import engine
from gitops.settings import Refused
from gitops.targets import gateway
from gitops.targets.docker import Docker
from gitops.targets.route import Route
from pipeline import files
from tests.gitops import containers, engines
from tests.gitops.containers import Made, deploy, made, number, numbers, only
from tests.projects import ROOT
from tests.serving import bundles
from tests.serving.load import Load

pytestmark = pytest.mark.skipif(bool(reason := containers.missing()), reason=str(reason))

FIRST, SECOND = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def first(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(bundle, tmp_path_factory.mktemp("first") / "bundle", FIRST)


@pytest.fixture(scope="module")
def second(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(bundle, tmp_path_factory.mktemp("second") / "bundle", SECOND)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Docker]:
    with containers.target(tmp_path) as found:
        yield found


@pytest.fixture
def row(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = bundles.examples(bundle)[0]["row"]
    return found


def test_nothing_runs_at_first(target: Docker) -> None:
    assert target.running() is None
    assert target.current() is None
    target.stop()
    assert target.services.found() == []


class TestADeployment:
    @pytest.fixture(scope="class")
    def deployed(self, first: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
        """For tests that only look; its deployer has secrets."""
        with (
            pytest.MonkeyPatch.context() as patch,
            containers.target(tmp_path_factory.mktemp("home")) as target,
        ):
            patch.setenv("GH_TOKEN", "not-for-a-service")
            patch.setenv("LOG_HASH_KEY", "for-the-service")
            deploy(target, 1, *first)
            yield target

    def test_says_what_it_is(self, deployed: Docker, first: Made) -> None:
        running = deployed.running()

        assert running
        assert (running.tree, running.environment, running.number) == (FIRST, "dev", 1)
        assert running.model_sha256 == bundles.digest(first.bundle / files.ONNX)
        assert running.files == json.loads((first.bundle / "release.json").read_text())["files"]
        assert running.image == first.image

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


def test_a_replacement_under_constant_requests_fails_none(
    target: Docker, first: Made, second: Made, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    load = Load(target.url, row)

    with load.constant():
        for number_, which in ((2, first), (3, second)):
            deploy(target, number_, *which)
            load.go_on()

    assert load.failures == []
    assert (load.releases[0], load.releases[-1]) == (FIRST, SECOND)
    assert numbers(target) == [3]


def tampered(bundle: Path) -> None:
    path = bundle / files.ONNX
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def mistaken(bundle: Path) -> None:
    """A service whose features are others than those of the training."""
    path = bundle / "pipeline/features.py"
    path.write_text(path.read_text().replace("2013.0 - built", "built"))


def speechless(bundle: Path) -> None:
    (bundle / "serving/start.py").write_text("1 / 0\n")


def rooted(bundle: Path) -> None:
    path = bundle / "serving/Dockerfile"
    path.write_text(path.read_text().replace("USER 65532:65532\n", ""))


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (tampered, r"models/model\.onnx: not the file of this release"),
        (mistaken, "known row|differs by"),
        (speechless, "ZeroDivisionError"),
        (rooted, "would run as root; give it a USER"),
    ],
)
def test_a_broken_image_never_takes_over_and_no_request_fails(
    target: Docker,
    first: Made,
    bundle: Path,
    tmp_path: Path,
    row: dict[str, Any],
    breaking: Callable[[Path], None],
    message: str,
) -> None:
    broken = made(bundle, tmp_path / "broken", SECOND, breaking)
    deploy(target, 1, *first)
    load = Load(target.url, row)

    with load.constant():
        with pytest.raises(Refused, match=message):
            deploy(target, 2, *broken)
        load.go_on()

    assert load.failures == []
    assert set(load.releases) == {FIRST}
    assert numbers(target) == [1]


def test_the_log_of_one_that_does_not_come_up_is_kept(
    target: Docker, bundle: Path, tmp_path: Path
) -> None:
    broken = made(bundle, tmp_path / "broken", SECOND, speechless)

    with pytest.raises(Refused, match="dev: the service does not come up: it ended: Zero"):
        target.start(1, *broken)

    assert "serving/start.py" in (target.folder / "1/service.log").read_text()


def test_a_tag_that_was_moved_changes_nothing(target: Docker, first: Made, second: Made) -> None:
    client, repository = target.client, first.image.partition("@")[0]
    for made_ in (first, second):  # both are `latest` for a while
        client.images.get(made_.image).tag(repository, "latest")
        client.api.push(repository, "latest")
        deploy(target, (target.current() or 0) + 1, *first)

    running = target.running()
    assert running
    assert (running.tree, running.image) == (FIRST, first.image)


def test_an_image_that_nobody_has_leaves_what_serves(target: Docker, first: Made) -> None:
    """Nor does a registry that does not answer: what the engine has is not asked for again."""
    deploy(target, 1, *first)

    for gone in ("localhost:1/gone", first.image.partition("@")[0]):
        with pytest.raises(Refused, match=f"{gone}@sha256:0+: can't be pulled"):
            deploy(target, 2, first.bundle, f"{gone}@sha256:{'0' * 64}")

    assert number(target) == 1
    assert numbers(target) == [1]


def test_a_release_without_an_image_is_refused(target: Docker, bundle: Path) -> None:
    with pytest.raises(Refused, match="dev: this release has no image"):
        target.start(1, bundle)


def test_one_that_is_not_ready_in_time_is_ended(bundle: Path, tmp_path: Path) -> None:
    def slow(folder: Path) -> None:
        (folder / "serving/start.py").write_text("import time\ntime.sleep(600)\n")

    broken = made(bundle, tmp_path / "slow", SECOND, slow)
    with containers.target(tmp_path, limits={"start_seconds": 2.0}) as target:
        with pytest.raises(Refused, match=r"it is not ready after 2 s, its limit start_seconds"):
            target.start(1, *broken)

        assert numbers(target) == []


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


def request_begun(target: Docker, row: dict[str, Any]) -> tuple[socket.socket, bytes]:
    """A client that has sent half of its request, and the other half."""
    body = json.dumps({"rows": [row]}).encode()
    parts = urlsplit(target.url)
    client = socket.create_connection((parts.hostname, parts.port), timeout=bundles.SECONDS)
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    client.sendall(head + body[:100])
    return client, body[100:]


def test_the_former_answers_what_is_under_way_and_ends(
    target: Docker, first: Made, second: Made, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    client, rest = request_begun(target, row)
    assert number(target) == 1  # so the gateway has read that too
    target.start(2, *second)

    switching = threading.Thread(target=target.switch, args=(2,))
    switching.start()
    bundles.until(lambda: number(target) == 2)
    assert 1 in numbers(target)
    with client:
        client.sendall(rest)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    switching.join(bundles.SECONDS)

    assert answer.startswith(b"HTTP/1.1 200")
    assert FIRST.encode() in answer
    assert numbers(target) == [2]


def test_a_late_worker_changes_nothing(target: Docker, first: Made, second: Made) -> None:
    target.start(1, *first)
    target.start(2, *second)
    target.switch(2)

    for step in (lambda: target.switch(1), lambda: target.start(1, *first)):
        with pytest.raises(Refused, match="dev: deployment 1 is superseded by 2"):
            step()
    target.discard(1)

    assert number(target) == 2
    assert numbers(target) == [2]


def test_everything_can_be_said_twice(target: Docker, first: Made, second: Made) -> None:
    assert target.start(1, *first) == target.start(1, *first)
    target.switch(1)
    target.switch(1)
    container = only(target).id
    deploy(target, 1, *first)
    assert only(target).id == container

    target.start(2, *second)
    target.discard(2)
    target.discard(2)
    assert number(target) == 1
    target.discard(1)
    assert number(target) == 1
    target.stop()
    target.stop()
    assert target.current() is None
    assert number(target) is None


def test_what_was_not_started_is_not_switched_in(target: Docker, first: Made) -> None:
    deploy(target, 1, *first)

    with pytest.raises(Refused, match="dev: deployment 2 is not up"):
        target.switch(2)

    assert number(target) == 1


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


def test_an_interrupted_switch_is_finished(target: Docker, first: Made, second: Made) -> None:
    deploy(target, 1, *first)
    target.start(2, *second)
    target.gateway.lead(Route("green", 2))  # and here the deployer was killed
    assert number(target) == 2
    assert numbers(target) == [1, 2]

    deploy(target, 2, *second)

    assert numbers(target) == [2]


def test_what_a_killed_deployer_left_behind_is_ended(
    target: Docker, first: Made, second: Made
) -> None:
    deploy(target, 1, *first)
    target.start(2, *second)  # and here the deployer was killed

    target.start(3, *second)

    assert numbers(target) == [1, 3]
    assert number(target) == 1


def test_a_deployer_killed_at_any_instant_leaves_what_the_next_one_finishes(
    target: Docker, first: Made, second: Made, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    load = Load(target.url, row)
    code = (
        "import sys; from pathlib import Path; from gitops import environment\n"
        "from gitops.targets.docker import Docker\n"
        "_, home, project, address, number, bundle, image = sys.argv\n"
        "change = {'address': address, 'target': 'docker'}\n"
        "dev = environment.read()['dev'].model_copy(update=change)\n"
        "target = Docker(Path(home), dev, project)\n"
        "target.start(int(number), Path(bundle), image); target.switch(int(number))\n"
    )
    home, project = str(target.folder.parent.parent), target.stack.removesuffix("-dev")
    given = [home, project, target.environment.address]
    with load.constant():
        for number_ in range(2, 6):
            bundle, image = (first, second)[number_ % 2]
            words = [sys.executable, "-B", "-c", code, *given, str(number_), str(bundle), image]
            deployer = subprocess.Popen(words, cwd=ROOT, start_new_session=True)
            time.sleep(number_ * 0.7)  # about the start, its end, and the switch
            deployer.kill()
            deployer.wait(bundles.SECONDS)
            deploy(target, number_, bundle, image)
            assert number(target) == number_
            assert numbers(target) == [number_]

    assert load.failures == []


def test_two_deployers_at_once_end_with_the_newer(
    target: Docker, first: Made, second: Made, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    load = Load(target.url, row)
    refusals: list[str] = []
    home, project = target.folder.parent.parent, target.stack.removesuffix("-dev")

    def deployer(number: int) -> None:
        try:
            deploy(Docker(home, target.environment, project), number, *second)
        except Refused as refusal:
            refusals.append(str(refusal))

    with load.constant():
        threads = [threading.Thread(target=deployer, args=(number,)) for number in (2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * bundles.SECONDS)

    assert load.failures == []
    # The older one may have been in time, may be late, or is ended while it is verified.
    assert len(refusals) <= 1
    assert number(target) == 3
    assert numbers(target) == [3]


def test_two_containers_share_the_work(first: Made, tmp_path: Path, row: dict[str, Any]) -> None:
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


def test_the_logs_of_the_last_deployments_are_kept(target: Docker, first: Made) -> None:
    for number_ in range(1, 9):
        (target.folder / str(number_)).mkdir(parents=True)

    deploy(target, 9, *first)

    assert sorted(int(path.name) for path in target.folder.glob("[0-9]*")) == [4, 5, 6, 7, 8]


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
    def own(self) -> Iterator[engines.Engine]:
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
