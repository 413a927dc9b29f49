"""A store on this machine that speaks like S3, as a team's state lies in one."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving import bundles

WHO = {"ACCESS_KEY": "somebody", "SECRET_KEY": "a-key-of-a-test"}  # pragma: allowlist secret


@contextmanager
def store(folder: Path, bucket: str, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of one with an empty bucket; who may write there is in the environment."""
    command = shutil.which("versitygw")
    if command is None:
        pytest.skip("no versitygw on PATH")
    (folder / bucket).mkdir(parents=True)
    port = bundles.free_port()
    process = subprocess.Popen(
        [command, "--port", f"127.0.0.1:{port}", "posix", str(folder)],
        env={**os.environ, **{f"ROOT_{key}": value for key, value in WHO.items()}},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    patch.setenv("AWS_ACCESS_KEY_ID", WHO["ACCESS_KEY"])
    patch.setenv("AWS_SECRET_ACCESS_KEY", WHO["SECRET_KEY"])
    try:
        bundles.until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(bundles.SECONDS)


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
