"""Real images on a real engine, where terraform makes everything: no request fails."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops.settings import Refused
from gitops.targets.client import ask
from gitops.targets.terraform.orphans import labelled
from gitops.targets.terraform.target import Terraform
from tests.gitops import stacks
from tests.gitops.containers import Made, numbers, only
from tests.gitops.deploying import FIRST, deploy, number
from tests.serving import bundles
from tests.serving.load import Load

pytestmark = pytest.mark.skipif(bool(reason := stacks.missing()), reason=str(reason))


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


def test_two_containers_share_the_work(first: Made, tmp_path: Path, declarers: Path) -> None:
    with stacks.target(tmp_path, declarers, workers=2) as target:
        deploy(target, 1, *first)
        one, other = sorted(target.services.found(), key=lambda one: str(one.name))
        assert other.name == f"{one.name}-1"
        other.kill()
        assert target.drift() == [f"{other.name}: does not run"]
        deploy(target, 2, *first)
        assert numbers(target) == [2, 2]


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
