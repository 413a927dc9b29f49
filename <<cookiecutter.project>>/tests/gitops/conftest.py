"""What the tests of this room share. Forges are founded once, and copied."""

import shutil
from pathlib import Path

import pytest

from tests.gitops.founding import founded, opened, packed
from tests.gitops.stories import Story, Trainer


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
