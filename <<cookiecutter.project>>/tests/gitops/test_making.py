"""The commands for what terraform makes: what they tell, and what they ask before they do."""

from dataclasses import dataclass, field

import pytest
from typer.testing import CliRunner

from gitops import infrastructure, making
from gitops.__main__ import app
from gitops.context import Context
from gitops.environment import Environment
from gitops.settings import Refused
from tests.gitops.stories import Story

URL = "http://127.0.0.1:8101"


@dataclass
class Fake:
    """It remembers what it was asked for."""

    asked: list[str] = field(default_factory=list)
    url: str = URL

    def conform(self) -> None:
        self.asked.append("conform")

    def clear(self) -> None:
        self.asked.append("clear")


@pytest.fixture
def fake(settled: Story, monkeypatch: pytest.MonkeyPatch) -> Fake:
    found = Fake()

    def lasting(_: Context, where: Environment) -> None:
        if where.name == "prod":
            raise Refused("this machine does not last")

    def here(*, fetch: bool = True) -> Context:
        found.asked.extend(["fetch"] if fetch else [])
        return settled.context

    monkeypatch.setattr(making, "here", here)
    monkeypatch.setattr(Context, "lasting", lasting)
    monkeypatch.setattr(infrastructure, "made", lambda *_: found)
    return found


def said(*words: str, typed: str | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(app, words, input=typed)
    return done.exit_code, done.output


def test_an_apply_says_where_it_is(fake: Fake) -> None:
    assert said("apply", "--env", "dev") == (0, f"dev: is as it is declared, at {URL}\n")
    assert fake.asked == ["fetch", "conform"]


def test_nothing_is_applied_on_a_machine_that_does_not_last(fake: Fake) -> None:
    code, _ = said("apply", "--env", "prod")

    assert code
    assert "conform" not in fake.asked


def test_what_is_destroyed_is_asked_for(fake: Fake) -> None:
    code, text = said("destroy", "--env", "dev", typed="n\n")
    assert code
    assert "dev: remove its services, and the predictions they kept?" in text
    assert fake.asked == []

    assert said("destroy", "--env", "dev", typed="y\n")[0] == 0
    assert (
        said("destroy", "--env", "dev", "--yes")[1] == "dev: nothing of it is left on the engine\n"
    )
    assert fake.asked == ["clear", "clear"]


def test_a_plan_is_a_page_and_asks_no_remote(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infrastructure, "plan", lambda _, name: f"**{name}**: nothing changes.")

    assert said("plan", "--env", "dev") == (0, "**dev**: nothing changes.\n")
    assert fake.asked == []
