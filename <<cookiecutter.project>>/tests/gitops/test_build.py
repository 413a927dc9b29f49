"""Builds that fail say why, and go on where they were left."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from gitops import engine
from gitops.build import build, failed
from gitops.settings import Refused
from tests.gitops import containers, engines
from tests.gitops.engines import Engine
from tests.projects import ROOT
from tests.serving import bundles
from tests.serving.bundles import SECONDS

SMALL, ENOUGH = "450m", "4g"  # a base takes 150, an image four times as much while it is built


def test_what_a_build_says_last() -> None:
    said = "#7 1.0 wheel not found\n\n------\nfailed to solve\n"
    assert (
        failed(said) == "the image can't be built: #7 1.0 wheel not found\n------\nfailed to solve"
    )


def test_what_a_step_says_last() -> None:
    said = "#6 0.1 before\n#7 1.0 no wheel\n#8 1.1 beside\n#7 ERROR: RUN a && b\n---\nRUN a && b\n"
    assert failed(said) == "the image can't be built: no wheel"


def test_a_base_that_can_not_be_had() -> None:
    said = "#3 ERROR: no such host\n------\n > [internal] load metadata for r.example/python:\n"
    assert "its base image can't be had: no such host; " in failed(said)
    assert "IMAGE_BASE" in failed(said)


@pytest.fixture
def release(bundle: Path, tmp_path: Path) -> Path:
    folder = bundles.copy_of(bundle, tmp_path / "release")
    shutil.copy(ROOT / ".dockerignore", folder)
    return folder


@pytest.mark.skipif(bool(containers.missing()), reason=f"no build here: {containers.missing()}")
def test_a_lock_whose_hashes_are_wrong_is_not_installed(release: Path) -> None:
    lock = release / "requirements/serving.txt"
    lock.write_text("anyio==4.16.0 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(Refused, match=r"(?s)can't be built: .*HASHES"):
        build(release, f"test:{uuid.uuid4().hex[:12]}", {})


class TestFull:
    """The disk of an engine of our own, which is a small one."""

    @pytest.fixture
    def small(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        if reason := containers.missing() or engines.missing():
            pytest.skip(reason)
        folder = Path("/tmp") / f"full-{uuid.uuid4().hex[:8]}"  # noqa: S108  a socket's path is short
        folder.mkdir()
        words = ("mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder))
        subprocess.run(words, check=True, timeout=SECONDS)
        own = Engine(folder)
        try:
            own.start()
            self.copy_base(own)
            monkeypatch.setenv("DOCKER_HOST", own.host)
            yield folder
        finally:
            own.end()
            subprocess.run(("umount", "--lazy", str(folder)), check=True, timeout=SECONDS)
            folder.rmdir()

    def copy_base(self, own: Engine) -> None:
        """What IMAGE_BASE names; without one, the engine asks the network for the base."""
        if name := os.environ.get("IMAGE_BASE"):
            with (
                closing(engine.connect()) as here,
                closing(docker.DockerClient(base_url=own.host, timeout=SECONDS)) as there,
            ):
                there.images.load(here.images.get(name).save(named=True))

    def test_room_lets_it_go_on(self, small: Path, release: Path) -> None:
        with pytest.raises(Refused, match=r"disk is full: .*`docker system prune` makes room"):
            build(release, "test:full", {})
        words = ("mount", "-o", f"remount,size={ENOUGH}", str(small))
        subprocess.run(words, check=True, timeout=SECONDS)
        build(release, "test:full", {})
        with closing(engine.connect()) as client:
            assert client.images.get("test:full").attrs["Config"]["User"]
