"""What is declared: the JSON that terraform is given, by cdktf and by its continuation."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from baking import ROOT, clean_environment
from grounds import python

if TYPE_CHECKING:
    from pathlib import Path

INFRA = ROOT / "infra"
SECONDS = 300  # to install what declares it: half a minute on a slow line


def synthesised(
    folder: Path, interpreter: Path, program: Path = INFRA, *, file: Path | None = None
) -> dict[str, Any]:
    """Run the program, and return what it declares."""
    env = clean_environment() | {"GROUND_HOME": "/home/somebody/grounds"}
    env = {
        name: value for name, value in env.items() if not re.match("GROUND_.*_IMAGE|IMAGE_", name)
    }
    env |= {"CDKTF_OUTDIR": str(folder), "GROUND_FILE": str(file or program / "ground.toml")}
    env |= {
        "PATH": f"{interpreter.parent}{os.pathsep}{env['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [str(interpreter), str(program / "main.py")]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "stacks/ground/cdk.tf.json").read_text())
    found.pop("//", None)  # the library's own version
    return found


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return synthesised(tmp_path_factory.mktemp("out"), python())


@pytest.fixture(scope="module")
def containers(declared: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = declared["resource"]["docker_container"].values()
    return {one["name"].removeprefix("ground-"): one for one in found}


SERVICES = ["alertmanager", "database", "gateway", "prometheus", "registry", "store", "tracking"]


def test_these_and_no_others(containers: dict[str, Any]) -> None:
    assert sorted(containers) == sorted([*SERVICES, "volumes"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_right_that_it_can_do_without(
    containers: dict[str, Any], name: str
) -> None:
    one = containers[name]
    assert one["capabilities"]["drop"] == ["ALL"]
    # The official image's file asks for it, and could not be started without.
    assert one["capabilities"].get("add", []) == (
        ["CAP_NET_BIND_SERVICE"] if name == "gateway" else []
    )
    assert one["read_only"] is True
    assert one["security_opts"] == ["no-new-privileges"]
    assert int(one["user"].split(":")[0]) > 0
    assert one["memory"] == one["memory_swap"] > 0
    assert one["ulimit"][0]["hard"] > 0
    assert one["log_opts"]["max-size"]
    assert one["restart"] == "unless-stopped"
    assert one["healthcheck"]["test"][0] == "CMD"
    assert "privileged" not in one
    assert "network_mode" not in one
    assert {volume["container_path"]: volume.get("read_only") for volume in one["volumes"]}[
        "/ground"
    ] is True
    assert all("host_path" not in volume for volume in one["volumes"])


def test_each_service_is_another_user(containers: dict[str, Any]) -> None:
    assert len({containers[name]["user"] for name in SERVICES}) == len(SERVICES)


def test_the_only_root_has_no_network_and_ends(containers: dict[str, Any]) -> None:
    one = containers["volumes"]
    assert (one["user"], one["network_mode"], one["must_run"]) == ("0:0", "none", False)
    assert one["capabilities"] == {"add": ["CAP_CHOWN"], "drop": ["ALL"]}


def test_only_the_gateway_listens_and_on_this_machine(containers: dict[str, Any]) -> None:
    listening = {name: one["ports"] for name, one in containers.items() if one.get("ports")}
    assert list(listening) == ["gateway"]
    assert {port["ip"] for port in listening["gateway"]} == {"127.0.0.1"}


def test_all_networks_are_closed_but_the_gateways(declared: dict[str, Any]) -> None:
    networks = declared["resource"]["docker_network"].values()
    assert [one["name"] for one in networks if not one["internal"]] == ["ground-outside"]
    assert len(networks) == 7
    found = declared["resource"]["docker_container"].values()
    outside = next(key for key, one in declared["resource"]["docker_network"].items()
                   if one["name"] == "ground-outside")  # fmt: skip
    there = [one["name"] for one in found if outside in json.dumps(one.get("networks_advanced"))]
    assert there == ["ground-gateway"]


def test_images_are_by_digest(declared: dict[str, Any]) -> None:
    images = {one["name"] for one in declared["resource"]["docker_image"].values()}
    own = {one for one in images if one.startswith("ground-tracking:")}
    assert len(own) == 1
    assert all("@sha256:" in one for one in images - own)


def test_of_secrets_there_are_paths_alone(containers: dict[str, Any]) -> None:
    for upload in containers["volumes"]["upload"]:
        assert ("source" in upload) != ("content" in upload)
        if "source" in upload:
            assert upload["source"].startswith("/home/somebody/grounds/ground/passwords/")
    assert "password" not in json.dumps([one.get("env") for one in containers.values()]).lower()


def test_outputs_are_its_interface(declared: dict[str, Any]) -> None:
    assert {name: one["value"] for name, one in declared["output"].items()} == {
        "name": "ground",
        "network": "ground-projects",
        "database": "database:5432",
        "rules": "ground-rules",
        "mlflow": "http://127.0.0.1:5500",
        "store": "http://127.0.0.1:7070",
        "registry": "localhost:5001",
        "gateway": "http://127.0.0.1:8080",
        "prometheus": "http://127.0.0.1:9090",
        "alertmanager": "http://127.0.0.1:9093",
    }


def test_with_a_domain_all_is_encrypted_and_a_team_shares_the_state(tmp_path: Path) -> None:
    text = (
        (INFRA / "ground.toml").read_text("utf-8").replace('domain = ""', 'domain = "example.org"')
    )
    file = tmp_path / "ground.toml"
    file.write_text(text + '\n[state]\nbucket = "shared"\nendpoint = "http://store:7070"\n')
    found = synthesised(tmp_path / "out", python(), file=file)
    containers = found["resource"]["docker_container"].values()
    (gateway,) = (one for one in containers if one["name"] == "ground-gateway")
    assert [port["external"] for port in gateway["ports"]] == [8443]
    (volumes,) = (one for one in containers if one["name"] == "ground-volumes")
    (caddyfile,) = (
        one["content"] for one in volumes["upload"] if one["file"].endswith("Caddyfile")
    )
    for name in ("tracking", "store", "registry", "prometheus", "alertmanager"):
        assert f"https://{name}.example.org {{" in caddyfile
    assert found["output"]["mlflow"]["value"] == "https://tracking.example.org:8443"
    assert found["terraform"]["backend"]["s3"]["use_lockfile"] is True
    assert "local" not in found["terraform"]["backend"]


def test_its_continuation_declares_the_same(declared: dict[str, Any], tmp_path: Path) -> None:
    """cdktf is archived: cdktn takes its place when imports, and nothing else, are renamed."""
    program = tmp_path / "infra"
    shutil.copytree(INFRA, program, ignore=shutil.ignore_patterns("__pycache__", "cdktf.out"))
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "requirements/ground.txt", tmp_path / "requirements")
    renamed = 0
    for path in program.rglob("*.py"):
        text = path.read_text("utf-8").replace(
            "cdktf_cdktf_provider_docker", "cdktn_provider_docker"
        )
        text, count = re.subn(r"(?m)^from cdktf import", "from cdktn import", text)
        path.write_text(text)
        renamed += count
    assert renamed == 2
    found = synthesised(tmp_path / "out", continuation(tmp_path / "venv"), program)
    assert json.dumps(found, sort_keys=True) == json.dumps(declared, sort_keys=True)


def continuation(folder: Path) -> Path:
    """Return the interpreter of an environment with cdktn."""
    uv = str(ROOT / ".venv/bin/uv")
    env = clean_environment() | {"VIRTUAL_ENV": str(folder)}
    for command in (
        [str(python()), "-m", "venv", "--without-pip", str(folder)],
        [uv, "pip", "sync", "--quiet", str(ROOT / "requirements/cdktn.txt")],
    ):
        subprocess.run(command, env=env, check=True, capture_output=True, timeout=SECONDS)
    return folder / "bin/python"
