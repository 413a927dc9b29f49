"""A tree is released once, whole, and by whoever comes first."""

import dataclasses
import json
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops import bundle
from gitops.bundle import EXAMPLES, LOCK, METRICS, MODEL
from gitops.context import Context
from gitops.image import About
from gitops.reconcile import tags
from gitops.records import Release
from gitops.release import NoModel, Stale, make
from gitops.settings import Refused
from tests.gitops.founding import real
from tests.gitops.repositories import json_of
from tests.gitops.stories import Story
from tests.gitops.tiny import lock_of, md5, outputs_of, params_of, sha256

ALL_OF_THEM = [MODEL, EXAMPLES, METRICS]


def test_the_record_says_what_the_tree_holds(story: Story) -> None:
    commit = story.trained(3)
    release = make(story.context, commit)
    content = outputs_of(3)
    assert release.tree == story.repository.tree(commit)
    assert release.commit == commit
    assert release.lock_sha256 == sha256(lock_of(3).encode())
    assert release.model.sha256 == sha256(content[MODEL])
    assert release.model.files == {MODEL: sha256(content[MODEL])}
    assert (release.model.version, release.model.run) == (1, f"run of {release.model.sha256[:7]}")
    assert release.data == {path: md5(content[path]) for path in ALL_OF_THEM}
    assert release.metrics == {"roc_auc": 0.3}
    assert (release.by, release.skipped, release.image, release.url) == ("Test", (), None, None)
    assert story.journal.releases == {release.tree: release}


def test_the_templates_own_pipeline(pipeline_run: Path, tmp_path: Path) -> None:
    """Everything that it puts under models/ is named, and what verifies a deployment is there."""
    told = real(pipeline_run, tmp_path)
    release = make(told.context, told.tip("dev"))
    names = ("contract.json", "decision.json", "encodings.json", "model.onnx", "model.txt")
    assert sorted(release.model.files) == [f"models/{name}" for name in (*names, "signature.json")]
    folder = bundle.place(told.context.home, release.tree)
    for path, sha in release.model.files.items():
        assert sha256((told.repository.path / path).read_bytes()) == sha
        assert (folder / path).read_bytes() == (told.repository.path / path).read_bytes()
    assert len(json.loads((folder / EXAMPLES).read_text())) == 200
    assert release.metrics.keys() >= {"roc_auc", "log_loss"}


def test_the_record_names_the_run_that_made_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = {"SERVER_URL": "https://forge.example", "REPOSITORY": "ada/flights", "RUN_ID": "7"}
    for name, value in (about | {"ACTOR": "ada"}).items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    release = make(story.context, story.trained(1))
    assert release.by == "ada"
    assert release.url == "https://forge.example/ada/flights/actions/runs/7"


def test_its_files_are_ready_to_run(story: Story) -> None:
    release = make(story.context, story.trained(1))
    folder = bundle.place(story.context.home, release.tree)
    assert bundle.whole(folder, release.model.files)
    assert (folder / "train.py").is_file()  # the tree's own
    assert (folder / EXAMPLES).read_bytes() == outputs_of(1)[EXAMPLES]


def test_a_tree_is_released_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = story.trained(1)
    first = make(story.context, commit)
    tag = story.journal.tags[first.tree]
    monkeypatch.delattr(bundle, "extract")  # nothing is looked at again
    assert make(story.context, commit) == first
    assert story.journal.tags[first.tree] == tag
    assert list(story.world.registry.tags) == [1]


def test_another_commit_of_the_same_tree_is_the_same_release(story: Story) -> None:
    first = make(story.context, story.trained(1))
    story.trained(2)
    back = story.trained(1)
    assert back != first.commit
    assert make(story.context, back) == first


def test_two_at_once_make_one(story: Story) -> None:
    """Both are held until both are ready to write: the second finds the first's."""
    commit = story.trained(1)
    colleague = story.colleague()
    shutil.copytree(story.stores[0], colleague.stores[0])
    both = threading.Barrier(2, timeout=60)
    story.world.registry.meanwhile.append(both.wait)
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(make, one.context, commit) for one in (story, colleague)]
        made = [one.result() for one in running]
    assert made[0] == made[1]
    assert list(story.journal.releases.values()) == [made[0]]
    assert len(story.world.registry.tags) == 1


def test_a_lock_that_is_behind_is_refused_by_its_stages(story: Story) -> None:
    story.trained(1)
    commit = story.commit(**{"params.yaml": params_of(2)})
    with pytest.raises(Stale, match=r"train: .*params.yaml: train changed.*make reproduce"):
        make(story.context, commit)
    assert not story.journal.releases


def test_no_lock_is_no_model(story: Story) -> None:
    with pytest.raises(NoModel, match=r"no model yet.*pull request to dev"):
        make(story.context, story.tip("dev"))


def test_a_lock_without_a_model_is_refused(story: Story) -> None:
    commit = story.commit(**{LOCK: lock_of(1).replace(MODEL, "models/other.onnx")})
    with pytest.raises(Refused, match=f"{LOCK}: names no {MODEL}"):
        make(story.context, commit)


def test_a_lock_of_somebody_else_is_refused(story: Story) -> None:
    commit = story.commit(**{LOCK: "locked: true\n"})
    with pytest.raises(Refused, match=f"{LOCK}: not DVC's"):
        make(story.context, commit)


def removed(path: Path) -> None:
    path.unlink()


def altered(path: Path) -> None:
    path.chmod(0o644)
    path.write_text("rate 999\n")


@pytest.mark.parametrize(
    ("change", "why"),
    [(removed, "in no cache and not in the data store"), (altered, "changed in the cache")],
)
def test_outputs_that_are_not_those_of_the_lock_are_refused(
    story: Story, change: Callable[[Path], None], why: str
) -> None:
    commit = story.trained(1)
    for path in story.stored(outputs_of(1)[MODEL]):
        change(path)
    with pytest.raises(Refused, match=f"{MODEL} of {commit[:12]}: {why}"):
        make(story.context, commit)
    assert not story.journal.releases
    assert not story.world.registry.tags


def test_what_the_cache_lacks_comes_from_the_store(story: Story) -> None:
    commit = story.trained(1)
    shutil.rmtree(story.stores[0])
    assert make(story.context, commit).model.sha256 == sha256(outputs_of(1)[MODEL])


def test_metrics_that_are_no_numbers_are_refused_in_one_line(story: Story) -> None:
    story.trained(1)
    said = b'{"model": {"roc_auc": "good"}}'
    old = outputs_of(1)[METRICS]
    for new in story.stored(said):
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(said)
    lock = (
        lock_of(1).replace(md5(old), md5(said)).replace(f"size: {len(old)}", f"size: {len(said)}")
    )
    commit = story.commit(**{LOCK: lock})
    with pytest.raises(Refused, match=r"^release/\w{12}: metrics\.roc_auc = 'good'.*number$"):
        make(story.context, commit)


def test_no_release_waits_for_the_registry(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    story.world.registry.down.append("it is being moved")
    release = make(story.context, story.trained(1))
    assert release.model.version is None
    assert release == story.journal.releases[release.tree]
    assert (
        "warning: the model registry does not answer: it is being moved" in capsys.readouterr().err
    )


class TestImage:
    """Built before the record is written; test_image.py builds real ones."""

    MADE = f"r.example/flights@sha256:{'1' * 64}"

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[About]:
        found: list[About] = []

        def made(folder: Path, about: About) -> str:
            assert (folder / bundle.MANIFEST).is_file()
            found.append(about)
            return self.MADE

        monkeypatch.setattr("gitops.image.make", made)
        return found

    def in_containers(self, story: Story) -> Context:
        last = story.context.last
        environments = {**story.context.environments}
        environments[last.name] = last.model_copy(update={"target": "docker"})
        return dataclasses.replace(story.context, environments=environments)

    def test_where_an_environment_runs_them(self, story: Story, asked: list[About]) -> None:
        commit = story.trained(1)
        release = make(self.in_containers(story), commit)
        assert release.image == self.MADE
        assert story.journal.releases[release.tree] == release
        (about,) = asked
        assert (about.tree, about.commit) == (release.tree, commit)
        when = story.repository.git("log", "-1", "--format=%ct", commit)
        assert about.when.timestamp() == int(when)
        assert about.source == Path(story.repository.url).as_uri()

    def test_nowhere_else(self, story: Story, asked: list[About]) -> None:
        assert make(story.context, story.trained(1)).image is None
        assert not asked

    def test_without_one_nothing_is_recorded(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: object) -> str:
            raise Refused("the image registry does not answer")

        monkeypatch.setattr("gitops.image.make", refused)
        with pytest.raises(Refused, match="does not answer"):
            make(self.in_containers(story), story.trained(1))
        assert not story.journal.releases

    def test_the_recorded_one_gets_its_tag_back(
        self, story: Story, asked: list[About], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody else was first, and the tag is of what was pushed here last."""
        commit, first = story.trained(1), f"r.example/flights@sha256:{'2' * 64}"
        story.world.registry.meanwhile.append(lambda: story.recorded(commit, 1, image=first))
        moved: list[tuple[str, str]] = []
        monkeypatch.setattr("gitops.image.retag", lambda *words: moved.append(words))
        release = make(self.in_containers(story), commit)
        assert release.image == first
        assert moved == [(first, release.tree)]


class TestDeleted:
    """A tag that is gone is not written again: those made from it hold the first."""

    @pytest.fixture
    def release(self, story: Story) -> Release:
        release = story.released(1)
        story.deploy("dev")
        story.delete(f"release/{release.name}")
        return release

    def test_refused(self, story: Story, release: Release) -> None:
        with pytest.raises(Refused, match=r"was deleted; `make reconcile` brings it back"):
            make(story.context, release.commit)

    def test_reconciled(self, story: Story, release: Release) -> None:
        assert list(tags(story.context)) == [f"release/{release.name}: brought back"]
        assert make(story.context, release.commit) == release


def test_a_forged_record_is_not_taken(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = story.trained(1)
    release = make(story.context, commit)
    story.delete(f"release/{release.name}")
    other = story.trained(2)
    story.forge_tag(f"release/{release.name}", other, "commit", json_of(release))
    monkeypatch.delattr(bundle, "extract")
    with pytest.raises(Refused, match=r"not believed.*delete it and run `make reconcile`"):
        make(story.context, commit)
