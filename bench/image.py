"""The image of the working copy: its size over its base, and what a change of the model costs.

    python bench/image.py      # in a trained project; needs an engine

IMAGE_BASE and IMAGE_NETWORK are for a machine that pulls no base: `.ci/engine` says them.
"""

import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from figures import note, show
from serving import local

from gitops import build, engine
from gitops.settings import Refused

RUNS = 3  # of each build; their median counts
TAG = "bench:image"


def main() -> None:
    if missing := engine.is_there():
        note(f"image: left out, as {missing}")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name) / "release"
        copied(folder)
        try:
            made(folder, 0)
        except Refused as refused:
            note(f"image: left out, as {refused}")
            return
        show("image, over its base", over_base(folder), "MB", 250)
        times = [changed(folder, turn) for turn in range(1, RUNS + 1)]
        show("image, changed parameter", statistics.median(times), "s", 5)
        times = [made(folder, RUNS) for _ in range(RUNS)]
        show("image, unchanged tree", statistics.median(times), "s", 1)
    client = engine.connect()
    client.images.remove(TAG)
    client.close()


def copied(folder: Path) -> None:
    """The working copy as a release's folder."""
    for name in local.LINKED:
        if Path(name).is_dir():
            shutil.copytree(name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(name, folder / name)
    shutil.copytree("requirements", folder / "requirements")
    shutil.copy(".dockerignore", folder)
    local.seal(folder)


def changed(folder: Path, turn: int) -> float:
    """Seconds of a build after another training: any other bytes are another model."""
    model = folder / "models/model.onnx"
    model.write_bytes(model.read_bytes() + bytes([turn]))
    local.seal(folder)
    return made(folder, turn)


def made(folder: Path, turn: int) -> float:
    started = time.monotonic()
    build.build(folder, TAG, {"turn": str(turn)})
    return time.monotonic() - started


def over_base(folder: Path) -> float:
    """Megabytes that the image adds."""
    default = re.search(r"^ARG BASE=(\S+)", (folder / build.DOCKERFILE).read_text(), re.MULTILINE)
    assert default
    client = engine.connect()
    sizes = [
        client.images.get(name).attrs["Size"]
        for name in (TAG, os.environ.get(build.BASE) or default[1])
    ]
    client.close()
    return float(sizes[0] - sizes[1]) / 1e6


if __name__ == "__main__":
    main()
