"""Serve the working copy's model, anew after each change of it or of the code:

    python -m serving.local --port 8100

The service sees a release whose files are links into the working copy, so nothing is packed.
"""

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline import files, stage
from serving import events, release

LINKED = ("pipeline", "serving", "environments", "models", "reports", "pyproject.toml")
WATCHED = ("pipeline/**/*.py", "serving/**/*", "environments/*.toml", "models/*")
OTHERS = (files.EXAMPLES, files.METRICS, files.STATISTICS, files.CARD)
TREE = "working copy"
PAUSE = 0.3  # seconds between two looks at the files: soon enough for who saves one
SECONDS = 30  # for a service to end


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m serving.local", description=__doc__)
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--environment", default="dev", help="whose settings")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        tempfile.TemporaryDirectory(prefix="serve-") as name,
        contextlib.suppress(KeyboardInterrupt),
    ):
        folder = Path(name) / "release"
        folder.mkdir()
        for linked in LINKED:
            (folder / linked).symlink_to(Path(linked).absolute())
        words = ["--environment", given.environment, "--number", "0"]
        words += ["--listen", f"127.0.0.1:{given.port}", "--state", str(Path(name) / "state")]
        while True:
            before = seen()
            seal(folder)
            with running(folder, words) as service:
                while seen() == before:
                    time.sleep(PAUSE)
                    if service.poll() is not None:
                        events.say("ended", code=service.returncode, then="waits for a change")
                        changed(before)


def seal(folder: Path) -> None:
    """Write the manifest of what the working copy holds now.

    Raises:
        StageError: it holds no model.
    """
    others = [path for path in OTHERS if path.is_file()]
    said = release.manifest(folder, TREE, files.ONNX, others)
    (folder / release.MANIFEST).write_text(json.dumps(said))


@contextlib.contextmanager
def running(folder: Path, words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The service, until the block ends."""
    service = subprocess.Popen([sys.executable, "-m", "serving", *words], cwd=folder)
    try:
        yield service
    finally:
        service.terminate()
        try:
            service.wait(SECONDS)
        except subprocess.TimeoutExpired:
            service.kill()


def changed(before: dict[str, int]) -> None:
    while seen() == before:
        time.sleep(PAUSE)


def seen() -> dict[str, int]:
    """When each file that a service is made of was written last."""
    found = {}
    for pattern in WATCHED:
        for path in Path().glob(pattern):
            with contextlib.suppress(OSError):  # replaced at this moment
                if "__pycache__" not in path.parts:
                    found[str(path)] = path.stat().st_mtime_ns
    return found


if __name__ == "__main__":
    stage.run("serving.local", main)
