"""A deployment: what may arrive, what is switched, what goes on serving when it is not."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops import bundle, deploy
from gitops.bundle import LOCK, MODEL
from gitops.deploy import Superseded
from gitops.forge import Forge
from gitops.forges import remote
from gitops.reconcile import tags
from gitops.records import Evidence, Outcome, Release
from gitops.settings import Refused
from tests.gitops.founding import founded, opened
from tests.gitops.repositories import add_intent, json_of, outcome_of
from tests.gitops.stories import Story
from tests.gitops.tiny import outputs_of
from tests.projects import ROOT


def ends(story: Story, name: str) -> list[str]:
    """What came of each deployment of an environment, in the order of their numbers."""
    known = story.journal.deployments[name]
    return [one.outcome.result if one.outcome else "open" for one in known]


def test_first_deployment(story: Story) -> None:
    release = story.released(1)
    outcome = story.deploy("dev")
    assert (outcome.number, outcome.result, outcome.touched) == (1, "healthy", True)
    assert outcome.evidence
    assert outcome.evidence.model_sha256 == release.model.sha256
    assert story.serving("dev") == release.tree
    [known] = story.journal.deployments["dev"]
    assert known.healthy
    assert (known.intent.commit, known.intent.forced) == (release.commit, False)
    assert known.release == story.journal.tags[release.tree]


def test_the_same_again_does_nothing(story: Story) -> None:
    story.released(1)
    first = story.deploy("dev")
    asked = list(story.target("dev").asked)
    assert story.deploy("dev") == first
    assert story.deploy("dev") == first
    assert story.target("dev").asked == asked
    assert ends(story, "dev") == ["healthy"]


def test_the_same_again_brings_back_what_died(story: Story) -> None:
    release = story.released(1)
    story.deploy("dev")
    story.target("dev").stop()
    assert story.deploy("dev").number == 2
    assert story.serving("dev") == release.tree


@pytest.mark.parametrize("step", ["claim", "start", "switch"])
def test_killed_and_run_again(settled: Story, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second attempt ends as the first would have; clients saw the former until then."""
    story, former = settled, settled.runs("dev")
    release, make = story.released(2), bundle.make

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    if step == "claim":
        monkeypatch.setattr("gitops.bundle.make", die)
    else:
        story.target("dev").meanwhile[f"{step} 2"] = die
    with pytest.raises(KeyboardInterrupt):
        story.deploy("dev")
    monkeypatch.setattr("gitops.bundle.make", make)
    assert story.serving("dev") == former.tree
    assert story.deploy("dev").number == 3
    assert story.serving("dev") == release.tree
    assert ends(story, "dev") == ["healthy", "open", "healthy"]


class TestGoodToBad:
    """A release that answers wrongly never gets a client."""

    @pytest.fixture
    def story(self, settled: Story) -> Story:
        return settled

    @pytest.fixture
    def good(self, story: Story) -> Release:
        return story.runs("dev")

    @pytest.fixture
    def bad(self, story: Story, good: Release) -> Release:
        release = story.released(2)
        story.world.broken[release.tree] = "row 17 differs by 0.4"
        return release

    def test_the_former_goes_on_serving(self, story: Story, good: Release, bad: Release) -> None:
        with pytest.raises(Refused) as told:
            story.deploy("dev")
        assert f"deployment 2 of {bad.name} failed: memory://dev/2: row 17 differs" in str(
            told.value
        )
        assert "deployment 1 goes on serving at memory://dev" in str(told.value)
        assert story.serving("dev") == good.tree
        assert story.target("dev").asked[-2:] == ["start 2", "discard 2"]

    def test_the_failure_is_recorded(self, story: Story, good: Release, bad: Release) -> None:
        with pytest.raises(Refused):
            story.deploy("dev")
        failed = story.journal.deployments["dev"][-1].outcome
        assert failed
        assert (failed.number, failed.result, failed.evidence) == (2, "failed", None)
        assert failed.reason == "memory://dev/2: row 17 differs by 0.4"
        current = story.journal.current("dev")
        assert current
        assert current.intent.tree == good.tree

    def test_again_takes_the_next_number(self, story: Story, good: Release, bad: Release) -> None:
        for _ in range(2):
            with pytest.raises(Refused):
                story.deploy("dev")
        story.world.broken.clear()
        assert story.deploy("dev").number == 4
        assert story.serving("dev") == bad.tree
        assert ends(story, "dev") == ["healthy", "failed", "failed", "healthy"]

    def test_it_is_promoted_nowhere(self, story: Story, good: Release, bad: Release) -> None:
        with pytest.raises(Refused):
            story.deploy("dev")
        with pytest.raises(Refused, match=r"uat: release \w+ was never healthy in dev"):
            story.propose("uat", bad.name)


def test_the_first_of_all_is_bad(story: Story) -> None:
    release = story.released(1)
    story.world.broken[release.tree] = "no rows"
    with pytest.raises(Refused, match="nothing goes on serving"):
        story.deploy("dev")
    assert story.serving("dev") is None


class TestMayNotRun:
    """What arrives without having been released and verified is refused before it has a number."""

    @pytest.fixture
    def story(self, settled: Story) -> Story:
        return settled

    @pytest.fixture
    def release(self, story: Story) -> Release:
        return story.runs("dev")

    def push(self, story: Story, release: Release) -> None:
        story.repository.git("push", "--quiet", "origin", f"{release.commit}:refs/heads/main")

    def refused(self, story: Story, name: str, why: str, serves: str | None) -> str:
        numbers, before = dict(story.journal.numbers), story.serving(name)
        asked = list(story.target(name).asked)
        with pytest.raises(Refused, match=why) as told:
            story.deploy(name)
        assert dict(story.journal.numbers) == numbers
        assert story.target(name).asked == asked
        assert before == story.serving(name) == serves
        return str(told.value)

    @pytest.mark.parametrize(("name", "branch"), [("uat", "uat"), ("prod", "main")])
    def test_direct_push(self, story: Story, release: Release, name: str, branch: str) -> None:
        story.commit(branch, **{"pipeline/features.py": "FEATURES = (1,)\n", "notes.md": "x\n"})
        said = self.refused(story, name, "is no release, so nothing is deployed", release.tree)
        assert f"differs from {release.name}" in said
        assert "in notes.md, pipeline/features.py; " in said
        assert f"`make promote ENV={name}`" in said

    def test_many_paths_are_counted(self, story: Story, release: Release) -> None:
        story.commit("uat", **{f"notes/{number}.md": "x\n" for number in range(9)})
        said = self.refused(story, "uat", "is no release", release.tree)
        assert "notes/4.md and 4 more;" in said

    def test_the_nearest_release_is_named(self, story: Story, release: Release) -> None:
        """Dev has moved on since: what differs from there has nothing to do with this push."""
        story.released(2, **{"pipeline/other.py": ""})
        story.deploy("dev")
        story.commit("uat", **{"notes.md": "x\n"})
        said = self.refused(story, "uat", "is no release", release.tree)
        assert f"differs from {release.name}, which runs in uat, in notes.md;" in said

    def test_unreleased_where_releases_are_made(self, story: Story, release: Release) -> None:
        story.commit(**{"notes.md": "x\n"})
        self.refused(story, "dev", "`make deliver BRANCH=dev COMMIT=…` releases it", release.tree)

    def test_pushed_past_an_environment(self, story: Story, release: Release) -> None:
        new = story.through(2, "dev")
        self.push(story, new)
        self.refused(story, "prod", "never healthy in uat.*make promote ENV=uat", release.tree)

    def test_failed_in_the_environment_before(self, story: Story, release: Release) -> None:
        new = story.through(2, "dev")
        story.world.broken[new.tree] = "no"
        with pytest.raises(Refused, match="failed"):
            story.promoted("uat")
        self.push(story, new)
        self.refused(story, "prod", "never healthy in uat", release.tree)

    def test_no_status_is_asked(
        self, story: Story, release: Release, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One set to success by hand changes nothing: the forge is not there at all."""

        def nobody(*_: object) -> Forge:
            raise AssertionError("the forge was asked")

        story.commit("uat", **{"notes.md": "x\n"})
        other = story.colleague()
        monkeypatch.setattr(remote, "of", nobody)
        self.refused(other, "uat", "is no release", release.tree)

    def test_its_release_was_deleted(self, story: Story, release: Release) -> None:
        story.target("prod").stop()
        story.delete(f"release/{release.name}")
        self.refused(story, "prod", "was deleted; `make reconcile` brings it back", None)
        assert list(tags(story.context))
        assert story.deploy("prod").result == "healthy"

    def test_its_release_was_replaced(self, story: Story, release: Release) -> None:
        story.target("prod").stop()
        other = release.model_copy(update={"by": "Mallory"})
        story.forge_tag(f"release/{release.name}", release.commit, "commit", json_of(other))
        self.refused(story, "prod", "not believed: deploy/dev/1 was made from another record", None)

    def test_its_lock_has_another_hash(self, story: Story, release: Release) -> None:
        made = story.trained(2)
        forged = story.recorded(made, 2, lock_sha256="f" * 64)
        self.refused(story, "dev", f"another {LOCK} than it says", release.tree)
        assert forged.tree in story.journal.releases

    def test_its_verification_was_made_up(self, story: Story, release: Release) -> None:
        """An outcome in uat that hangs on no intent opens no way to prod."""
        new = story.through(2, "dev")
        self.push(story, new)
        intent = story.journal.deployments["dev"][-1].intent
        made_up = intent.model_copy(update={"environment": "uat", "number": 2})
        outcome = json_of(outcome_of(made_up, new))
        story.forge_tag("deployed/uat/2", story.journal.tags[new.tree], "tag", outcome)
        self.refused(story, "prod", "never healthy in uat", release.tree)


def test_direct_push_where_nothing_ran_before(story: Story) -> None:
    story.commit("uat", **{"notes.md": "x\n"})
    with pytest.raises(Refused, match="nothing runs before it; merge to dev first"):
        story.deploy("uat")


@pytest.mark.parametrize("dev", ["as it was", "moved on"])
def test_what_is_not_the_tip_is_left_to_the_tips_own_run(settled: Story, dev: str) -> None:
    story, old = settled, settled.runs("dev")
    new = story.released(2)
    if dev == "moved on":
        story.deploy("dev")
    serves = story.serving("dev")
    with pytest.raises(Superseded, match=f"dev is at {new.commit[:12]} now"):
        deploy.deploy(story.context, story.at("dev"), old.commit)
    assert story.serving("dev") == serves


class TestDocumentsOnly:
    """What serves is equal: it is recorded, and left alone."""

    @pytest.fixture
    def story(self, settled: Story) -> Story:
        return settled

    @pytest.fixture
    def release(self, story: Story) -> Release:
        return story.runs("dev")

    def test_nothing_is_started(self, story: Story, release: Release) -> None:
        asked = list(story.target("dev").asked)
        for number, text in enumerate(("one", "two"), 2):
            new = story.released(1, **{"README.md": f"{text}\n"})
            outcome = story.deploy("dev")
            assert (outcome.number, outcome.tree) == (number, new.tree)
            assert not outcome.touched
            assert outcome.evidence
            assert outcome.evidence.release == release.tree
        assert story.target("dev").asked == asked
        assert story.serving("dev") == release.tree
        assert story.deploy("dev") == outcome

    @pytest.mark.parametrize(
        "path", ["pipeline/features.py", "serving/app.py", "requirements/serving.txt"]
    )
    def test_the_service_is_no_document(self, story: Story, release: Release, path: str) -> None:
        new = story.released(1, **{path: "other\n"})
        assert story.deploy("dev").touched
        assert story.serving("dev") == new.tree

    def test_settings_count_where_they_are_used(self, story: Story, release: Release) -> None:
        settings = (story.repository.path / "environments/uat.toml").read_text()
        story.released(
            1, **{"environments/uat.toml": settings.replace("workers = 1", "workers = 2")}
        )
        assert not story.deploy("dev").touched
        assert story.promoted("uat").touched

    def test_what_does_not_answer_is_started(self, story: Story, release: Release) -> None:
        new = story.released(1, **{"README.md": "other\n"})
        story.target("dev").stop()
        assert story.deploy("dev").touched
        assert story.serving("dev") == new.tree

    def test_what_holds_other_files_is_replaced(self, story: Story, release: Release) -> None:
        story.target("dev").up[1].files[MODEL] = "f" * 64
        new = story.released(1, **{"README.md": "other\n"})
        assert story.deploy("dev").touched
        assert story.serving("dev") == new.tree

    def test_what_answers_wrongly_fails(self, story: Story, release: Release) -> None:
        story.released(1, **{"README.md": "other\n"})
        story.world.broken[release.tree] = "it has forgotten its rows"
        with pytest.raises(Refused, match="it has forgotten its rows"):
            story.deploy("dev")
        assert ends(story, "dev") == ["healthy", "failed"]


class TestLateWorker:
    """One that wakes after a newer deployment switches nothing and concludes nothing."""

    @pytest.fixture
    def story(self, settled: Story) -> Story:
        return settled

    @pytest.fixture
    def first(self, story: Story) -> Release:
        return story.runs("prod")

    @pytest.fixture
    def second(self, story: Story, first: Release) -> Release:
        story.through(2, "uat")
        story.merge(story.propose("prod"))
        return story.journal.release(story.tree("main"))

    @pytest.mark.parametrize("step", ["start 2", "switch 2"])
    def test_rollback_during_a_deployment(
        self, story: Story, first: Release, second: Release, step: str
    ) -> None:
        def roll_back() -> None:
            story.back("prod", first.name)
            assert story.deploy("prod").number == 3

        story.target("prod").meanwhile[step] = roll_back
        late = story.tip("main")
        with pytest.raises(Superseded, match="deployment 2 is superseded by 3"):
            deploy.deploy(story.context, story.at("prod"), late)
        assert story.serving("prod") == first.tree
        assert ends(story, "prod") == ["healthy", "open", "healthy"]
        assert story.target("prod").up.keys() == {3}

    def test_a_newer_number_is_enough(self, story: Story, first: Release, second: Release) -> None:
        """It has not reached the target yet, and clients are left to it all the same."""

        def claimed() -> None:
            held = story.journal.tags[first.tree]
            add_intent(story.repository, first, held, "prod", 3)

        story.target("prod").meanwhile["start 2"] = claimed
        with pytest.raises(Superseded, match="deployment 2 is superseded by 3"):
            story.deploy("prod")
        assert story.target("prod").asked[-2:] == ["start 2", "discard 2"]
        assert story.serving("prod") == first.tree

    def test_its_failure_is_nobodys(self, story: Story, first: Release, second: Release) -> None:
        story.world.broken[second.tree] = "no"

        def roll_back() -> None:
            story.back("prod", first.name)
            story.deploy("prod")

        story.target("prod").meanwhile["start 2"] = roll_back
        with pytest.raises(Superseded):
            story.deploy("prod")
        assert ends(story, "prod") == ["healthy", "open", "healthy"]

    def test_nothing_is_left_alone_while_one_is_abroad(self, story: Story, first: Release) -> None:
        """It has passed the last look at git: only a newer number at the target stops it."""
        story.released(2)

        def document() -> None:
            story.released(1, **{"README.md": "other\n"})
            assert story.deploy("dev").touched

        story.target("dev").meanwhile["switch 2"] = document
        with pytest.raises(Superseded):
            story.deploy("dev")
        assert story.serving("dev") == story.tree("dev")
        assert ends(story, "dev") == ["healthy", "open", "healthy"]

    def test_a_document_is_superseded_too(
        self, story: Story, first: Release, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        story.released(1, **{"README.md": "other\n"})
        verify, turns = story.world.verify, itertools.count()

        def meanwhile(url: str, tree: str, folder: Path) -> Evidence:
            evidence = verify(url, tree, folder)
            if next(turns) == 0:
                story.released(2)
                story.deploy("dev")
            return evidence

        monkeypatch.setattr("gitops.deploy.verify", meanwhile)
        with pytest.raises(Superseded):
            story.deploy("dev")
        assert story.serving("dev") == story.tree("dev")
        assert ends(story, "dev") == ["healthy", "open", "healthy"]


class TestTwoAtOnce:
    def racing(self, monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
        """Do something just before the next number is claimed."""
        name, turns = deploy.worker, itertools.count()

        def worker() -> str:
            if next(turns) == 0:
                action()
            return name()

        monkeypatch.setattr(deploy, "worker", worker)

    def test_the_second_finds_it_done(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        story.released(1)
        colleague = story.colleague()
        done: list[Outcome] = []
        self.racing(monkeypatch, lambda: done.append(colleague.deploy("dev")))
        assert story.deploy("dev") == done[0]
        assert ends(story, "dev") == ["healthy"]

    def test_the_branch_has_moved_on(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        story.released(1)
        colleague = story.colleague()

        def newer() -> None:
            colleague.released(2)
            colleague.deploy("dev")

        self.racing(monkeypatch, newer)
        with pytest.raises(Superseded, match=r"dev is at \w+ now"):
            story.deploy("dev")
        assert ends(story, "dev") == ["healthy"]
        assert story.serving("dev") == story.tree("dev")

    def test_four_workers_of_one_commit(self, story: Story) -> None:
        release = story.released(1)
        stories = [story, *(story.colleague(f"colleague{place}") for place in range(3))]

        def attempt(one: Story) -> Outcome | None:
            try:
                return deploy.deploy(one.context, one.at("dev"), release.commit)
            except Superseded:
                return None

        with ThreadPoolExecutor() as pool:
            found = [one for one in pool.map(attempt, stories) if one]
        assert found
        assert all(one.result == "healthy" and one.tree == release.tree for one in found)
        assert story.serving("dev") == release.tree
        assert story.journal.pending("dev") is None
        assert "failed" not in ends(story, "dev")


class TestTampered:
    """The model that serves has the sha256 of the release, or nothing new serves."""

    @pytest.fixture
    def story(self, settled: Story) -> Story:
        return settled

    @pytest.fixture
    def former(self, story: Story) -> Release:
        return story.runs("uat")

    @pytest.fixture
    def release(self, story: Story, former: Release) -> Release:
        release = story.through(2, "dev")
        story.merge(story.propose("uat"))
        path = bundle.place(story.context.home, release.tree) / MODEL
        path.write_text("rate 999\n")
        return release

    def test_a_bundle_is_made_again(self, story: Story, former: Release, release: Release) -> None:
        outcome = story.deploy("uat")
        assert outcome.evidence
        assert outcome.evidence.model_sha256 == release.model.sha256
        running = story.target("uat").running()
        assert running
        assert running.files == release.model.files

    def test_cache_and_store(self, story: Story, former: Release, release: Release) -> None:
        for path in story.stored(outputs_of(2)[MODEL]):
            path.write_text("rate 999\n")
        with pytest.raises(
            Refused, match=r"changed in the cache[^\n]*\ndeployment 1 goes on serving"
        ):
            story.deploy("uat")
        assert story.serving("uat") == former.tree
        assert ends(story, "uat") == ["healthy", "failed"]

    def test_a_record_of_another_model(self, story: Story, former: Release) -> None:
        """Cache, store and dvc.lock agree; the record names what they don't hold."""
        made = story.trained(2)
        other = former.model.model_copy(update={"files": {MODEL: "f" * 64}, "sha256": "f" * 64})
        forged = story.recorded(made, 2, model=other)
        with pytest.raises(Refused, match=rf"not what release {forged.name} names"):
            story.deploy("dev")
        assert story.serving("dev") == former.tree


def test_numbers_go_on_where_tags_were_deleted(settled: Story) -> None:
    """The target would take a number that it has seen for a late worker's."""
    story = settled
    story.through(2, "dev")
    story.delete("deploy/dev/2", "deployed/dev/2")
    assert story.deploy("dev").number == 3
    assert story.serving("dev") == story.tree("dev")


def test_an_outcome_that_somebody_else_wrote_is_not_ours(story: Story) -> None:
    release = story.released(1)

    def write() -> None:
        intent = story.journal.deployments["dev"][0].intent
        outcome = json_of(outcome_of(intent, release, result="failed", reason="no", evidence=None))
        story.forge_tag("deployed/dev/1", story.journal.deployments["dev"][0].tag, "tag", outcome)

    story.target("dev").meanwhile["switch 1"] = write
    with pytest.raises(Refused, match="deployed/dev/1: written by somebody else"):
        story.deploy("dev")


STAGING = """branch = "staging"
after = ["uat"]
target = "process"
address = "127.0.0.1:8104"
workers = 1
log = {flush_seconds = 1, spool_mb = 1, retention_days = 1}
alerts = {errors = 0.1, p99_seconds = 1, out_of_range = 0.1}
[limits]
memory_mb = 512
request_kb = 64
rows = 10
concurrent = 4
seconds = 5
start_seconds = 5
drain_seconds = 5
"""


def test_a_fourth_environment_is_a_file_and_a_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prod = (ROOT / "environments/prod.toml").read_text()
    files = {
        "environments/staging.toml": STAGING,
        "environments/prod.toml": prod.replace('after = ["uat"]', 'after = ["staging"]'),
    }
    founded(tmp_path, files)
    story = opened(tmp_path, monkeypatch)
    assert list(story.context.environments) == ["dev", "uat", "staging", "prod"]
    story.through(1, "uat")
    with pytest.raises(Refused, match="nothing has run in staging yet"):
        story.propose("prod")
    release = story.through(2)
    assert {story.serving(name) for name in story.context.environments} == {release.tree}
