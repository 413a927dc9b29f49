"""What people see on a terminal, and what programs get."""

import json
from dataclasses import replace

import pytest

from gitops import show
from gitops.forge import Pull
from gitops.journal import Journal
from gitops.status import Disagreement, Status, status
from tests.gitops.stories import Story


def seen(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The lines of what was printed, by their words."""
    return [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]


class TestStatus:
    def test_a_line_for_each_environment(
        self, settled: Story, capsys: pytest.CaptureFixture[str]
    ) -> None:
        release = settled.runs("prod")
        show.status(status(settled.context), prove=False)
        lines = seen(capsys)
        assert [line[0] for line in lines[1:4]] == ["dev", "uat", "prod"]
        prod = lines[3]
        model = release.model.sha256[:12]
        assert prod[1:5] == ["main", release.name, release.name, "1"]
        assert prod[-4:] == [model, "1", "@prod", "http://127.0.0.1:8103"]
        assert lines[4:] == [["Everything", "agrees", "with", "git."]]

    def test_images_are_shown_where_there_are_any(
        self, settled: Story, capsys: pytest.CaptureFixture[str]
    ) -> None:
        up = settled.target("prod").up
        up[1] = replace(up[1], image=f"flights@sha256:{'0' * 64}")
        show.status(status(settled.context), prove=False)
        lines = seen(capsys)
        assert "image" in lines[0]
        assert lines[1][-2] == "-"
        assert lines[3][-2] == f"sha256:{'0' * 12}"

    def test_it_says_what_was_proved(
        self, settled: Story, capsys: pytest.CaptureFixture[str]
    ) -> None:
        show.status(status(settled.context, prove=True), prove=True)
        assert "each service holds the files that its release names." in capsys.readouterr().out

    def test_nothing_yet(self, story: Story, capsys: pytest.CaptureFixture[str]) -> None:
        show.status(status(story.context), prove=False)
        dev = seen(capsys)[1]
        assert dev[:2] == ["dev", "dev"]
        assert dev[3:8] == ["-"] * 5

    def test_an_alias_that_names_another_version_is_not_shown_as_its_own(
        self, settled: Story, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settled.world.registry.aliases["prod"] = 7
        show.status(status(settled.context), prove=False)
        assert "@prod" not in seen(capsys)[3]

    def test_a_disagreement_and_what_mends_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        one = Disagreement("prod", "it holds models/[a].onnx", "make reconcile")
        show.status(Status([], [one]), prove=True)
        assert seen(capsys)[-2:] == [
            ["prod:", "it", "holds", "models/[a].onnx"],
            ["→", "make", "reconcile"],
        ]

    def test_a_service_that_is_silent(
        self, settled: Story, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settled.target("uat").stop()
        show.status(status(settled.context), prove=False)
        assert "http://127.0.0.1:8102 does not answer" in " ".join(seen(capsys)[2])

    def test_for_programs(self, settled: Story) -> None:
        settled.world.registry.aliases["prod"] = 7
        told = json.loads(show.as_json(status(settled.context)))
        places = {place["environment"]: place for place in told["places"]}
        assert places["prod"]["release"] == settled.runs("prod").tree
        assert places["prod"]["number"] == 1
        assert places["prod"]["since"].startswith("2024-01-01")
        [one] = told["disagreements"]
        assert (one["where"], one["mend"]) == ("prod", "make reconcile")


class TestReleases:
    def test_newest_first_with_where_each_runs_and_ran(
        self, settled: Story, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first = settled.runs("prod")
        second = settled.through(2, "uat")
        show.releases(settled.journal)
        lines = seen(capsys)
        assert lines[1][0] == second.name
        assert lines[1][-3:] == ["0.7000", "dev,", "uat"]
        assert lines[2][0] == first.name
        assert lines[2][-4:] == ["0.7000", "prod", "dev,", "uat"]

    def test_metrics_that_only_some_have(
        self, settled: Story, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settled.recorded(settled.trained(2), 2, metrics={"brier": 0.1})
        show.releases(settled.journal)
        lines = seen(capsys)
        assert lines[0][3:5] == ["brier", "roc_auc"]
        assert lines[1][-2:] == ["0.1000", "-"]
        assert "- 0.7000" in " ".join(lines[2])

    def test_the_name_of_a_robot(self, story: Story, capsys: pytest.CaptureFixture[str]) -> None:
        story.recorded(story.trained(2), 2, by="github-actions[bot]")
        show.releases(story.journal)
        assert "github-actions[bot]" in seen(capsys)[1]

    def test_none_yet(self, capsys: pytest.CaptureFixture[str]) -> None:
        show.releases(Journal())
        assert capsys.readouterr().out == "No release yet: merge a trained branch first.\n"


class TestPulls:
    def test_a_line_for_each(self, capsys: pytest.CaptureFixture[str]) -> None:
        pull = Pull(
            number=7,
            title="Roll back [prod]",
            body="",
            head="promote/prod/0123456789ab",
            commit="0" * 40,
            base="main",
            url="https://forge.example/7",
            state="open",
            fork=False,
            author="github-actions[bot]",
        )
        show.pulls([pull])
        assert seen(capsys)[1] == [
            "#7",
            *("Roll", "back", "[prod]"),
            pull.head,
            "main",
            "github-actions[bot]",
            pull.url,
        ]

    def test_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        show.pulls([])
        assert capsys.readouterr().out == "No pull request is open.\n"
