"""What the tests of this room share."""

from pathlib import Path

import pytest

from tests.gitops.stories import Story, begun


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A forge with three branches and no model yet."""
    return begun(tmp_path, monkeypatch)
