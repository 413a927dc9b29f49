"""The container engine and the command that builds: found, or missed in words that help."""

import os
from pathlib import Path

import pytest

from gitops import engine
from gitops.settings import Refused
from tests.gitops.server import Answer, serve


def command(folder: Path, version: str, *, plugin: bool = False) -> Path:
    """A docker command that says this of itself."""
    folder.mkdir()
    path = folder / "docker"
    known = "echo github.com/docker/buildx v0.21.0" if plugin else "exit 1"
    said = f"echo Docker version {version}, build 0"
    path.write_text(f'#!/bin/sh\nif [ "$1" = buildx ]; then {known}; else {said}; fi\n')
    path.chmod(0o755)
    return path


class TestConnect:
    def test_none_answers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/socket")
        with pytest.raises(Refused, match=r"no container engine answers at unix:.*apt-get inst"):
            engine.connect()
        assert "no container engine" in (engine.is_there() or "")

    def test_it_is_too_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said = Answer(body={"ApiVersion": "1.40", "Version": "19.03.15"})
        with serve(said, said) as server:
            monkeypatch.setenv("DOCKER_HOST", server.url.replace("http", "tcp"))
            with pytest.raises(Refused, match=r"is 19\.03\.15: builds need 20\.10 or newer"):
                engine.connect()

    def test_it_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serve(Answer(silent=True)) as server:
            monkeypatch.setenv("DOCKER_HOST", server.url.replace("http", "tcp"))
            with pytest.raises(Refused, match="no container engine answers"):
                engine.connect(0.5)


class TestBuilder:
    def test_the_first_that_can(self, tmp_path: Path) -> None:
        """A newer one without its plugin is passed by."""
        bare = command(tmp_path / "bare", "28.2.2")
        old = command(tmp_path / "old", "20.10.24+dfsg1")
        found = engine.builder(f"{bare.parent}{os.pathsep}{old.parent}")
        assert found.words == (str(old), "build")
        assert found.environment == {"DOCKER_BUILDKIT": "1"}

    def test_with_its_plugin(self, tmp_path: Path) -> None:
        path = command(tmp_path / "new", "28.2.2", plugin=True)
        found = engine.builder(str(path.parent))
        assert found.words == (str(path), "buildx", "build", "--load")

    def test_none_can(self, tmp_path: Path) -> None:
        paths = [command(tmp_path / "a", "28.2.2"), command(tmp_path / "b", "19.03.1")]
        with pytest.raises(Refused, match=r"28\.2\.2.*19\.03\.1.*install docker-buildx"):
            engine.builder(os.pathsep.join(str(path.parent) for path in paths))

    def test_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match=r"no docker command on PATH: install an engine"):
            engine.builder(str(tmp_path))


@pytest.mark.parametrize(
    ("version", "expected"), [("20.10.24+dfsg1", (20, 10)), ("v28.2", (28, 2)), ("dev", (0, 0))]
)
def test_numbers(version: str, expected: tuple[int, int]) -> None:
    assert engine.numbers(version) == expected
