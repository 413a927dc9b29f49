"""What the tests of this room share. Forges are founded once, and copied."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from gitops import engine
from gitops.targets import hub
from tests.gitops import containers, images
from tests.gitops.containers import Made, made
from tests.gitops.deploying import FIRST, SECOND
from tests.gitops.founding import founded, opened, packed
from tests.gitops.stories import Story, Trainer
from tests.serving import bundles


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first-day")
    founded(folder)
    packed(folder)
    return folder


@pytest.fixture(scope="session")
def first_release(tmp_path_factory: pytest.TempPathFactory, first_day: Path) -> Path:
    folder = tmp_path_factory.mktemp("first-release")
    shutil.copytree(first_day, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        opened(folder, patch).settle(1)
    packed(folder)
    return folder


@pytest.fixture
def story(first_day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A forge with three branches and no model yet."""
    shutil.copytree(first_day, tmp_path, dirs_exist_ok=True)
    return opened(tmp_path, monkeypatch)


@pytest.fixture
def settled(first_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A release runs everywhere."""
    shutil.copytree(first_release, tmp_path, dirs_exist_ok=True)
    story = opened(tmp_path, monkeypatch)
    story.resume()
    return story


@pytest.fixture
def trainer(settled: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings take no time."""
    monkeypatch.setattr("gitops.change.train", Trainer(settled).train)


@pytest.fixture(scope="session")
def client() -> Iterator[DockerClient]:
    found = engine.connect()
    yield found
    found.close()


@pytest.fixture
def imaged(bundle: Path, tmp_path: Path) -> Path:
    """A release's folder, as an image is made from it."""
    return images.release_of(bundle, tmp_path / "release", images.TREE)


@pytest.fixture
def images_at(client: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A repository that nobody else has, where the layers of others are known."""
    hub.up(client, containers.REPOSITORY)
    found = f"{containers.REPOSITORY}/{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("IMAGE_REPOSITORY", found)
    yield found
    images.forget(client, found)


@pytest.fixture(scope="module")
def first(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A release and its image."""
    return made(bundle, tmp_path_factory.mktemp("first") / "bundle", FIRST)


@pytest.fixture(scope="module")
def second(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(bundle, tmp_path_factory.mktemp("second") / "bundle", SECOND)


@pytest.fixture
def row(bundle: Path) -> dict[str, Any]:
    """What a client may ask about, and the training never saw."""
    found: dict[str, Any] = bundles.examples(bundle)[0]["row"]
    return found
