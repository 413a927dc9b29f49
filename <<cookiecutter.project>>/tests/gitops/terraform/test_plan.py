"""A plan, by a person's questions."""

from typing import Any

import pytest

from gitops.targets.terraform.plan import MASK, Change, changes, drifted, masked, page


def told(address: str, actions: list[str], before: Any, after: Any) -> dict[str, Any]:
    change = {"actions": actions, "before": before, "after": after}
    return {"address": address, "type": address.partition(".")[0], "change": change}


GREEN = told("docker_container.green[0]", ["create"], None, {"name": "flights-dev-8"})
BLUE = told("docker_container.blue[0]", ["delete"], {"name": "flights-dev-7"}, None)
GATEWAY = told(
    "docker_container.gateway",
    ["delete", "create"],
    {"name": "flights-dev-gateway", "memory": 256, "exit_code": 0},
    {"name": "flights-dev-gateway", "memory": 512, "exit_code": None},
)


def found(*parts: dict[str, Any]) -> list[Change]:
    return changes({"resource_changes": list(parts)})


def test_what_stays_is_not_told() -> None:
    stays = told("docker_volume.state", ["no-op"], {"name": "x"}, {"name": "x"})

    assert found(stays) == []
    assert page("dev", [], None, "") == "**dev**: nothing changes.\n"


def test_a_release_beside_another_interrupts_nobody() -> None:
    text = page("dev", found(BLUE, GREEN), None, "all of it")

    assert "**dev**: 1 made, 1 destroyed; no interruption." in text
    made = "| made | container | `flights-dev-8` | — |"
    assert f"{made}\n| destroyed | container | `flights-dev-7` | — |" in text
    assert "<details><summary>The whole plan of dev</summary>" in text
    assert "all of it" in text


def test_a_gateway_that_is_replaced_interrupts_and_says_why() -> None:
    text = page("uat", found(GATEWAY), None, "")

    assert "**uat**: 1 replaced; **interrupts** clients: flights-dev-gateway." in text
    assert "| replaced | container | `flights-dev-gateway` | memory 256 → 512 |" in text


def test_what_clients_are_led_to_interrupts_when_it_ends() -> None:
    (ends,) = found(BLUE)

    assert ends.interrupts("blue")
    assert not ends.interrupts("green")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (GREEN, "flights-dev-8: the container is not there any more"),
        (BLUE, "flights-dev-7: the container is still there"),
        (
            told(
                "docker_container.blue[0]",
                ["update"],
                {"name": "flights-dev-7", "must_run": False},
                {"name": "flights-dev-7", "must_run": True},
            ),
            "flights-dev-7: does not run",
        ),
        (GATEWAY, "flights-dev-gateway: was changed by hand: memory 256 → 512"),
    ],
)
def test_drift_is_told_by_name(one: dict[str, Any], said: str) -> None:
    assert drifted(found(one)) == [said]


def test_no_secret_of_this_process_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_HASH_KEY", "tell-nobody")  # pragma: allowlist secret
    monkeypatch.setenv("SHORT_KEY", "a")  # pragma: allowlist secret

    assert masked("a tell-nobody a") == f"a {MASK} a"
    assert "tell-nobody" not in page("dev", found(GREEN), None, "env: tell-nobody")


def test_a_plan_does_not_end_the_block_that_it_stands_in() -> None:
    assert page("dev", found(GREEN), None, "x\n```\ny").count("```") == 2
