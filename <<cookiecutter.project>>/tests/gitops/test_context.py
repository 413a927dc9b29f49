"""What every command works with; and where nothing that is to last can be started."""

import pytest

from gitops import forge
from gitops.context import Context, here, stack_here
from gitops.deliver import deliver
from gitops.deploy import deploy
from gitops.forges import remote
from gitops.promote import promote
from gitops.reconcile import services
from gitops.settings import Refused
from gitops.status import status
from gitops.targets.docker import Docker
from gitops.targets.process import Process
from gitops.targets.terraform.target import Terraform
from tests.gitops.server import Answer, serve
from tests.gitops.stories import Story

DELETED = r"^(dev: )?GitHub deletes this runner .*variable RUNNER .*, see docs/github\.md$"


def on_github(monkeypatch: pytest.MonkeyPatch, runner: str = "github-hosted") -> None:
    """The remote's name is one on GitHub, and a runner of that kind has a clone."""
    place = forge.Place("github.com", "octocat/flights")
    for module in (forge, remote):
        monkeypatch.setattr(module, "located", lambda _: place)
    monkeypatch.setenv("RUNNER_ENVIRONMENT", runner)


def test_the_folder_says_which_project_it_is(
    settled: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled.repository.path
    (path / "pyproject.toml").write_text('[project]\nname = "delays"\n')
    (path / "environments" / "deeper").mkdir()
    monkeypatch.chdir(path)
    context = here()
    assert context.project == "delays"
    assert list(context.environments) == ["dev", "uat", "prod"]
    assert (context.first.name, context.last.name) == ("dev", "prod")
    assert context.home == path.with_name("origin.forge")


def test_the_remote_is_asked_unless_it_need_not_be(
    settled: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled.repository.path
    (path / "pyproject.toml").write_text('[project]\nname = "flights"\n')
    monkeypatch.chdir(path)
    before = settled.tip("dev")
    after = settled.colleague().commit("dev", **{"notes.md": "x\n"})
    assert here(fetch=False).repository.tip("dev") == before
    assert here().repository.tip("dev") == after


def test_who_asks(settled: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled.context.by == "Test"
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    assert settled.context.by == "ada"


def test_where_to_read_what_a_run_did(settled: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    about = {"SERVER_URL": "https://github.com", "REPOSITORY": "octocat/flights"}
    for key, value in about.items():
        monkeypatch.setenv(f"GITHUB_{key}", value)
    monkeypatch.delenv("RUN_LOG", raising=False)
    assert settled.context.run_url is None
    monkeypatch.setenv("GITHUB_RUN_ID", "3")
    assert settled.context.run_url == "https://github.com/octocat/flights/actions/runs/3"
    monkeypatch.setenv("RUN_LOG", "/runs/4 deliver.log")
    assert settled.context.run_url == "file:///runs/4%20deliver.log"


class TestARunnerThatIsDeleted:
    def test_deploys_nothing_and_records_nothing(
        self, settled: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tip = settled.trained(2)
        tags = settled.repository.git("ls-remote", "--tags", "origin")
        on_github(monkeypatch)
        with pytest.raises(Refused, match=DELETED):
            list(deliver(settled.context, "dev", tip))
        assert settled.repository.git("ls-remote", "--tags", "origin") == tags
        settled.recorded(tip, 2)
        with pytest.raises(Refused, match=DELETED):
            deploy(settled.context, settled.at("dev"), tip)
        assert settled.journal.numbers["dev"] == 1
        assert settled.target("dev").asked == ["start 1", "switch 1"]

    def test_brings_nothing_up_again(self, settled: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        settled.target("dev").stop()
        on_github(monkeypatch)
        with pytest.raises(Refused, match=DELETED):
            list(services(settled.context))
        assert settled.serving("dev") is None

    def test_owes_nothing_before_there_is_a_model(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        on_github(monkeypatch)
        [said] = deliver(story.context, "dev", story.tip("dev"))
        assert "no model yet, and that is no failure" in said
        assert list(services(story.context)) == []

    def test_tells_and_proposes(self, settled: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        release = settled.through(2, "dev")
        on_github(monkeypatch)
        assert len(status(settled.context).places) == 3
        side = {"sha": "c" * 40, "repo": {"full_name": "octocat/flights"}}
        pull = {
            "number": 7,
            "title": "",
            "body": "",
            "state": "open",
            "merged_at": None,
            "html_url": "https://github.com/octocat/flights/pull/7",
            "user": None,
            "head": side | {"ref": f"promote/uat/{release.name}"},
            "base": side | {"ref": "uat"},
        }
        answers = [Answer(200, []), Answer(200, []), Answer(201, pull), Answer(204)]
        monkeypatch.setenv("GH_TOKEN", "of-nobody")
        # A forge that was asked before is known.
        vars(settled.context).pop("forge", None)
        with serve(*answers) as server:
            monkeypatch.setenv("GITHUB_API_URL", server.url)
            opened = promote(settled.context, settled.at("uat"))
        assert opened
        assert opened.number == 7

    @pytest.mark.parametrize("runner", ["self-hosted", ""])
    def test_is_no_other(
        self, settled: Story, monkeypatch: pytest.MonkeyPatch, runner: str
    ) -> None:
        settled.released(2)
        on_github(monkeypatch, runner)
        assert settled.deploy("dev").number == 2

    def test_is_left_with_its_own_forge(
        self, settled: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A rehearsal there loses nothing that it recorded elsewhere."""
        settled.released(2)
        monkeypatch.setenv("RUNNER_ENVIRONMENT", "github-hosted")
        assert settled.deploy("dev").number == 2


def real(story: Story) -> Context:
    """With targets that are no entries of a dictionary."""
    told = story.context
    return Context(told.repository, told.environments, told.project, told.home)


class TestWhereAnEnvironmentRuns:
    def test_its_file_says(self, settled: Story) -> None:
        context = real(settled)
        dev = settled.at("dev")
        assert isinstance(context.target(dev), Process)
        for name, kind in (("docker", Docker), ("terraform", Terraform)):
            assert type(context.target(dev.model_copy(update={"target": name}))) is kind

    def test_where_it_ran_before_is_known(self, settled: Story) -> None:
        context = real(settled)
        dev = settled.at("dev")
        assert [type(place) for place in context.places(dev)] == [Process]
        (context.home / "containers/dev").mkdir(parents=True)
        assert [type(place) for place in context.places(dev)] == [Process, Docker]

    def test_repositories_of_one_name_share_an_engine_here(
        self, settled: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project, home = settled.context.project, settled.context.home
        names = {stack_here(project, home), stack_here(project, home / "other")}
        assert settled.context.stack in names
        assert len(names) == 2
        on_github(monkeypatch)
        assert settled.context.stack == project

    def test_no_engine_is_said_before_anything_is_recorded(
        self, settled: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        dev = settled.at("dev").model_copy(update={"target": "docker"})
        with pytest.raises(Refused, match="no container engine answers at unix:///nowhere"):
            settled.context.lasting(dev)
