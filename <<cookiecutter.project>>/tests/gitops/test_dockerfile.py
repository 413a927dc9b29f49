"""An image runs hardened, and never with another model than its release's."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from gitops import engine
from gitops.image import make
from gitops.settings import Refused
from pipeline import files
from tests.gitops import containers
from tests.gitops.deploying import deploy
from tests.gitops.images import TREE, about, ended, health, running
from tests.serving import bundles
from tests.serving.bundles import until

if reason := containers.missing():
    pytest.skip(reason, allow_module_level=True)


class TestRunning:
    def test_it_needs_no_root_no_shell_and_no_file_to_write(
        self, client: DockerClient, images_at: str, imaged: Path
    ) -> None:
        made = make(imaged, about())
        shells = {
            "/dev/null": {"bind": "/bin/sh", "mode": "ro"},
            "/dev/zero": {"bind": "/bin/bash", "mode": "ro"},
        }
        with running(client, made, volumes=shells) as container:
            until(lambda: health(container) != "starting")
            assert health(container) == "healthy", container.logs()
            words = ["/packages/bin/python", "-c", "import os; print(os.getuid())"]
            assert int(container.exec_run(words).output) > 0
            with pytest.raises(engine.FAILED[0], match=r"denied|not found|permission|format"):
                raised(container.exec_run(["/bin/sh", "-c", "true"]))

    def test_a_model_that_was_tampered_with_is_never_ready(
        self, client: DockerClient, images_at: str, imaged: Path
    ) -> None:
        model = imaged / files.ONNX
        model.write_bytes(model.read_bytes()[:-1] + b"\0")
        with running(client, make(imaged, about())) as container:
            assert ended(container) != 0
            said = container.logs().decode()
        assert "model.onnx: not the file of this release" in said

    def test_another_model_than_the_releases_is_never_switched_in(
        self, images_at: str, imaged: Path, tmp_path: Path
    ) -> None:
        """Whole in itself, and of this tree as it says."""
        other = tmp_path / "other"
        shutil.copytree(imaged, other)
        (other / files.TEXT).write_text("another\n")
        bundles.seal(other, TREE)
        made = make(other, about())
        with containers.target(tmp_path / "home") as target:
            with pytest.raises(Refused, match=r"its files is .*, not "):
                deploy(target, 1, imaged, made)
            assert target.running() is None
            assert containers.numbers(target) == []


def raised(done: Any) -> None:
    """What an engine says of a command that can't be run: newer ones say so by its exit code."""
    if done.exit_code:
        raise engine.FAILED[0](done.output.decode() or "permission denied")
