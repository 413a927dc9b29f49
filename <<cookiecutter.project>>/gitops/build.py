"""Build an image from a release's folder, by the docker command: BuildKit has no other door."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gitops import engine
from gitops.settings import Refused

DOCKERFILE = "serving/Dockerfile"
SECONDS = 1800  # the packages once over a slow line; what is built already takes one
SAID = 5  # lines of a build's end that say why it failed
BASELESS = re.compile(r"ERROR: (.+)\n-+\n > \[internal\] load metadata for")
# For a machine that reaches no registry of base images, or its package index only by its own net.
BASE, NETWORK = "IMAGE_BASE", "IMAGE_NETWORK"


def build(folder: Path, tag: str, labels: Mapping[str, str], epoch: int | None = None) -> None:
    """Let the engine have the image of a folder under a tag.

    Raises:
        Refused: nothing here can build, or the build fails or takes too long.
    """
    found = engine.builder(os.environ.get("PATH", os.defpath))
    words = [*found.words, "--progress", "plain", "--file", DOCKERFILE, "--tag", tag]
    for name, value in sorted(labels.items()):
        words += ["--label", f"{name}={value}"]
    if base := os.environ.get(BASE):
        words += ["--build-arg", f"BASE={base}"]
    if network := os.environ.get(NETWORK):
        words += ["--network", network]
    if epoch is not None:  # builders that know it give equal trees equal digests
        words += ["--build-arg", f"SOURCE_DATE_EPOCH={epoch}"]
    try:
        done = subprocess.run(
            [*words, "."],
            cwd=folder,
            env=os.environ | {"DOCKER_HOST": engine.address()} | found.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Refused(
            f"{tag}: not built after {SECONDS} s; see the network, then run this again"
        ) from None
    if done.returncode:
        raise Refused(f"{tag}: {failed(done.stdout)}")


def failed(said: str) -> str:
    """Why a build failed, and what to do."""
    if "no space left on device" in said.lower():
        return (
            "the container engine's disk is full: `docker system df` shows by what, "
            "`docker system prune` makes room; then run this again"
        )
    if found := BASELESS.search(said):
        return (
            f"its base image can't be had: {found[1].strip()}; see the network, or let {BASE} name "
            "an image that the container engine has"
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if step := re.search(r"(?m)^#(\d+) ERROR", said):
        # What its command said, rather than the whole command.
        lines = re.findall(rf"(?m)^#{step[1]} [\d.]+ (.+)$", said) or lines
    return "the image can't be built: " + "\n".join(lines[-SAID:])
