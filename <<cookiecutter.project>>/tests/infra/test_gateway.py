"""What alone is published, and whose settings lie on a volume before it starts."""

from typing import Any

from gitops.targets import caddy


def container(dev: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = dev["resource"]["docker_container"][name]
    return found


def test_it_listens_where_the_environment_says_and_privately_for_each_slot(
    dev: dict[str, Any],
) -> None:
    ports = container(dev, "gateway")["ports"]

    assert [one["internal"] for one in ports] == [caddy.PUBLIC, *caddy.PRIVATE.values()]
    assert ["external" in one for one in ports] == [True, False, False]
    assert {one["ip"] for one in ports} == {"${var.ip}"}


def test_nothing_else_is_published(dev: dict[str, Any]) -> None:
    found = dev["resource"]["docker_container"]

    assert [name for name, one in found.items() if "ports" in one] == ["gateway"]


def test_its_settings_are_written_by_one_that_never_runs(dev: dict[str, Any]) -> None:
    beside, gateway = container(dev, "settings"), container(dev, "gateway")
    (file,) = beside["upload"]

    assert file["content"] == caddy.content().decode()
    assert gateway["command"] == ["run", "--config", file["file"]]
    assert gateway["depends_on"] == ["docker_container.settings"]
    assert beside["start"] is False
    assert beside["network_mode"] == "none"
    assert beside["name"].endswith(caddy.name()[:8])
    assert beside["lifecycle"] == {"create_before_destroy": True}


def test_what_it_was_made_of_is_written_on_it(dev: dict[str, Any]) -> None:
    gateway = container(dev, "gateway")
    labels = {one["label"]: one["value"] for one in gateway["labels"]}
    port = gateway["ports"][0]["external"]

    made_of = f"${{var.gateway}} 127.0.0.1:{port} {caddy.name()}"
    assert labels["gitops.gateway"] == made_of


def test_it_is_not_root_and_writes_nowhere(dev: dict[str, Any]) -> None:
    gateway = container(dev, "gateway")

    assert gateway["user"] == "65534:65534"
    assert gateway["read_only"] is True
    assert gateway["capabilities"] == {"add": ["CAP_NET_BIND_SERVICE"], "drop": ["ALL"]}
