"""Real images on a real engine, where terraform makes everything: no request fails."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops.settings import Refused
from gitops.targets.client import ask
from gitops.targets.docker import Docker
from gitops.targets.terraform.orphans import labelled
from gitops.targets.terraform.target import Terraform
from tests.gitops import buckets, stacks
from tests.gitops.containers import Made, made, numbers, only
from tests.gitops.deploying import deploy, number
from tests.serving import bundles
from tests.serving.load import Load

pytestmark = pytest.mark.skipif(bool(reason := stacks.missing()), reason=str(reason))

FIRST, SECOND = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def first(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(bundle, tmp_path_factory.mktemp("first") / "bundle", FIRST)


@pytest.fixture(scope="module")
def second(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(bundle, tmp_path_factory.mktemp("second") / "bundle", SECOND)


@pytest.fixture
def target(tmp_path: Path, declarers: Path) -> Iterator[Terraform]:
    with stacks.target(tmp_path, declarers) as found:
        yield found


@pytest.fixture(scope="module")
def deployed(
    first: Made, declarers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terraform]:
    """For tests that leave it as they found it; its deployer has secrets."""
    with (
        pytest.MonkeyPatch.context() as patch,
        stacks.target(tmp_path_factory.mktemp("deployed"), declarers) as found,
    ):
        patch.setenv("GH_TOKEN", "not-for-a-service")  # pragma: allowlist secret
        deploy(found, 1, *first)
        yield found


@pytest.fixture
def row(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = bundles.examples(bundle)[0]["row"]
    return found


def test_what_is_deployed_is_what_was_declared(deployed: Terraform, first: Made) -> None:
    """As few rights as will do, named by digest; and nothing of it is otherwise afterwards."""
    target = deployed

    assert target.drift() == []
    running = target.running()
    assert running
    assert (running.tree, running.number, running.image) == (FIRST, 1, first.image)
    about = only(target).attrs
    host = about["HostConfig"]
    assert about["Config"]["Image"] == first.image
    assert about["Config"]["User"] not in ("", "0", "root")
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"]
    assert not host["Privileged"]
    assert host["Memory"] == host["MemorySwap"] == 2048 * 1024**2
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert not any(only(target).ports.values())
    assert "GH_TOKEN" not in json.dumps(about["Config"]["Env"])
    assert target.made.folder.stat().st_mode & 0o077 == 0


def test_other_settings_reach_the_next_release_and_leave_what_serves(
    target: Terraform, first: Made, second: Made, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    load = Load(target.url, row)
    path = target.root / "environments/dev.toml"
    path.write_text(path.read_text().replace("memory_mb = 2048", "memory_mb = 1024"))

    with load.constant():
        target.start(2, *second)
        assert target.services.found(1)[0].attrs["HostConfig"]["Memory"] == 2048 * 1024**2
        target.switch(2)

    assert load.failures == []
    assert only(target).attrs["HostConfig"]["Memory"] == 1024 * 1024**2


def killed(target: Terraform) -> str:
    only(target).kill()
    return f"{target.stack}-1: does not run"


def removed(target: Terraform) -> str:
    only(target).remove(force=True)
    return f"{target.stack}-1: the container is not there any more"


def changed(target: Terraform) -> str:
    only(target).update(mem_limit="512m", memswap_limit="512m")
    return f"{target.stack}-1: was changed by hand: memory 512 → 2048, memory_swap 512 → 2048"


def parted(target: Terraform) -> str:
    target.gateway.container(target.gateway.name).remove(force=True)
    return f"{target.stack}-gateway: the container is not there any more"


@pytest.mark.parametrize("how", [killed, removed, changed, parted])
def test_what_was_done_by_hand_is_shown_by_its_name_and_mended(
    deployed: Terraform, how: Callable[[Terraform], str]
) -> None:
    target = deployed

    drift = how(target)

    assert target.drift() == [drift]
    target.mend()
    bundles.until(lambda: number(target) == 1)
    assert target.drift() == []
    assert target.current() == 1


def test_one_that_is_held_is_ended_and_made_again(deployed: Terraform, first: Made) -> None:
    only(deployed).pause()

    deploy(deployed, 1, *first)

    assert number(deployed) == 1
    assert deployed.drift() == []


def test_an_address_that_is_taken_is_told_before_anything_is_made(
    target: Terraform, first: Made
) -> None:
    with (
        socket.create_server(("127.0.0.1", target.environment.port)),
        pytest.raises(Refused, match=r"127\.0\.0\.1:\d+: can't be listened on"),
    ):
        target.start(1, *first)

    assert labelled(target.client, target.stack) == []


def test_an_environment_is_made_before_its_first_release(target: Terraform) -> None:
    target.conform()

    with pytest.raises(Refused, match="answers 503"):
        ask(target.url, "/", seconds=bundles.SECONDS)
    assert target.plan(target.root) == ([], "")


def test_another_setting_is_brought_to_what_serves_without_its_end(
    deployed: Terraform, row: dict[str, Any]
) -> None:
    path, container = deployed.root / "environments/dev.toml", only(deployed).id
    load, was = Load(deployed.url, row), path.read_text()

    with load.constant():
        for memory in (1024, 2048):
            path.write_text(was.replace("memory_mb = 2048", f"memory_mb = {memory}"))
            deployed.conform()
            assert only(deployed).attrs["HostConfig"]["Memory"] == memory * 1024**2

    assert load.failures == []
    assert only(deployed).id == container


def test_destroying_one_environment_leaves_another(
    deployed: Terraform, first: Made, declarers: Path, tmp_path: Path
) -> None:
    before = [one.id for one in labelled(deployed.client, deployed.stack)]
    with stacks.target(tmp_path, declarers) as other:
        deploy(other, 1, *first)

    assert [one.id for one in labelled(deployed.client, deployed.stack)] == before
    assert number(deployed) == 1
    assert deployed.drift() == []


def test_a_lost_state_is_told_and_the_next_release_takes_over(
    target: Terraform, first: Made, second: Made
) -> None:
    deploy(target, 1, *first)
    for path in target.made.folder.glob("terraform.tfstate*"):
        path.unlink()

    assert "terraform's state is lost" in target.drift()[0]
    with pytest.raises(Refused, match="terraform's state is lost"):
        target.mend()
    assert number(target) == 1
    deploy(target, 2, *second)

    assert (number(target), numbers(target)) == (2, [2])
    assert target.drift() == []


def test_a_state_that_was_being_written_is_put_aside(target: Terraform, first: Made) -> None:
    deploy(target, 1, *first)
    path = target.made.folder / "terraform.tfstate"
    path.write_text(path.read_text()[:100])

    deploy(target, 2, *first)

    assert numbers(target) == [2]
    assert target.drift() == []


def test_a_state_in_a_bucket_is_that_of_every_machine(
    first: Made,
    second: Made,
    declarers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with buckets.store(tmp_path / "store", "flights", monkeypatch) as endpoint:
        monkeypatch.setenv("STATE_BUCKET", "flights")
        monkeypatch.setenv("LOG_HASH_KEY", "a-key-of-names")  # pragma: allowlist secret
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        with stacks.target(tmp_path, declarers) as target:
            deploy(target, 1, *first)
            assert not list(target.made.folder.glob("*.tfstate"))
            other = Terraform(tmp_path / "else", target.environment, target.project, target.root)
            other.home.mkdir()
            (other.home / "interpreters").symlink_to(declarers)

            assert other.drift() == []
            deploy(other, 2, *second)

            assert numbers(target) == [2]
            assert target.drift() == []  # though it was said here that 1 is to run
            target.mend()
            assert (number(target), numbers(target)) == (2, [2])
            held = [path.read_text() for path in (tmp_path / "store").rglob("*.tfstate")]
            assert f"{target.stack}-2" in "".join(held)
            assert not list((tmp_path / "store").rglob("*.tflock"))


def test_what_another_kind_of_target_made_is_taken_over(
    target: Terraform, first: Made, second: Made
) -> None:
    before = Docker(target.home, target.environment, target.project)
    deploy(before, 1, *first)

    deploy(target, 2, *second)

    assert (number(target), numbers(target)) == (2, [2])
    assert target.drift() == []


def test_two_containers_share_the_work(first: Made, tmp_path: Path, declarers: Path) -> None:
    with stacks.target(tmp_path, declarers, workers=2) as target:
        deploy(target, 1, *first)
        one, other = sorted(target.services.found(), key=lambda one: str(one.name))
        assert other.name == f"{one.name}-1"
        other.kill()
        assert target.drift() == [f"{other.name}: does not run"]
        deploy(target, 2, *first)
        assert numbers(target) == [2, 2]


def test_no_secret_stands_in_what_terraform_reads_or_remembers(
    target: Terraform, first: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text(f"somebody {'5e' * 32}\n")
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("LOG_HASH_KEY", "a-key-of-names")  # pragma: allowlist secret

    target.start(1, *first)
    told = target.made.planned()

    held = only(target).exec_run(["cat", "/secrets/LOG_HASH_KEY", "/secrets/API_KEYS"]).output
    assert held.decode() == f"a-key-of-namessomebody {'5e' * 32}\n"
    files = [path for path in target.folder.rglob("*") if path.is_file() and ".terraform/" not in
             str(path)]  # fmt: skip
    assert {"cdk.tf.json", "terraform.tfstate", "terraform.tfvars.json"} <= {
        path.name for path in files
    }
    everything = json.dumps([told, only(target).attrs]) + "".join(
        path.read_text() for path in files
    )
    assert "a-key-of-names" not in everything
    assert "5e" * 32 not in everything
    assert "LOG_HASH_KEY_FILE=/secrets/LOG_HASH_KEY" in everything


def test_stopping_keeps_what_services_wrote_and_destroying_leaves_nothing(
    target: Terraform, first: Made
) -> None:
    deploy(target, 1, *first)

    target.stop()
    volumes = target.client.volumes.list(filters={"name": target.stack})
    assert {one.name for one in volumes} == {f"{target.stack}-state", f"{target.stack}-secrets"}
    assert labelled(target.client, target.stack) == []
    assert target.current() is None
    deploy(target, 1, *first)
    target.clear()

    named = {"filters": {"name": target.stack}}
    assert target.client.volumes.list(**named) == []
    assert target.client.networks.list(**named) == []
    assert target.client.containers.list(all=True, **named) == []
    assert not target.made.folder.exists()
