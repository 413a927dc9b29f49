"""A domain that only some programs know, and what a project's programs do there over TLS."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from baking import clean_environment

if TYPE_CHECKING:
    from grounds import Trial

NAMES = ("tracking", "store", "registry", "prometheus", "alertmanager")
SECONDS = 120  # of one program, on a busy machine
# /etc is that of the machine for all others.
KNOWN = 'mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/docker" /etc/docker && exec "$@"'
ASK = """
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=30) as answer:
    print(answer.status, answer.url)
"""
WRITE = """
import sys, mlflow
mlflow.set_experiment("flights")
with mlflow.start_run() as run:
    mlflow.log_metric("auc", 0.75)
    mlflow.log_artifact(sys.argv[1], "model")
print(run.info.run_id)
"""
READ = """
import hashlib, sys, mlflow
from pathlib import Path
kept = mlflow.artifacts.download_artifacts(run_id=sys.argv[1], artifact_path="model/model.bin")
metric = mlflow.get_run(sys.argv[1]).data.metrics["auc"]
print(metric, hashlib.sha256(Path(kept).read_bytes()).hexdigest())
"""
PUT = """
import sys, s3fs
store = s3fs.S3FileSystem()
store.pipe_file(f"{sys.argv[1]}/a", b"kept")
print(store.cat_file(f"{sys.argv[1]}/a").decode())
"""


def within(etc: Path, domain: str) -> list[str]:
    """Return the command that lets another one know the names of a domain."""
    (etc / "docker").mkdir()
    hosts = " ".join(f"{name}.{domain}" for name in NAMES)
    (etc / "hosts").write_text(f"127.0.0.1 localhost {hosts}\n")
    return ["unshare", "--mount", "sh", "-c", KNOWN, str(etc)]


def believe(etc: Path, registry: str, authority: Path) -> None:
    """Let an engine that runs there believe a registry; it looks at each push and pull."""
    folder = etc / "docker/certs.d" / registry
    folder.mkdir(parents=True)
    (folder / "ca.crt").symlink_to(authority)


def said(trial: Trial, given: dict[str, str], code: str, *words: str) -> str:
    """Return the last line of a project's program."""
    done = subprocess.run(
        [*trial.within, sys.executable, "-c", code, *words],
        env=clean_environment() | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def signed_in(given: dict[str, str]) -> dict[str, str]:
    """Return who a project is to its registry."""
    file = Path(given["DOCKER_CONFIG"], "config.json")
    ((_, one),) = json.loads(file.read_text())["auths"].items()
    user, _, word = base64.b64decode(one["auth"]).decode().partition(":")
    return {"username": user, "password": word}
