"""A deployment as many write it: copy, restart, tag. The harness that kills must see it break.

python naive.py deploy RELEASE LIVE PORT
python naive.py serve LIVE PORT
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PAUSE = 0.02  # seconds between two looks
SECONDS = 10.0  # to answer once: nothing here takes one


def serve(live: Path, port: int) -> None:
    """Answer with the release that lies in the folder, and what its files are."""
    manifest = json.loads((live / "release.json").read_text("utf-8"))
    files = {
        path: hashlib.sha256((live / path).read_bytes()).hexdigest() for path in manifest["files"]
    }
    answer = json.dumps({"tree": manifest["tree"], "files": files}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


def deploy(release: Path, live: Path, port: int) -> None:
    """Copy the files over those that serve, restart, tag."""
    shutil.copytree(release, live, dirs_exist_ok=True)
    stop(live)
    while answers(port):
        time.sleep(PAUSE)
    words = [sys.executable, __file__, "serve", str(live), str(port)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(words, start_new_session=True, stdout=quiet, stderr=quiet)
    live.with_suffix(".pid").write_text(str(process.pid), "utf-8")
    while process.poll() is None and not answers(port):
        time.sleep(PAUSE)
    tree = json.loads((live / "release.json").read_text("utf-8"))["tree"]
    subprocess.run(["git", "tag", "--force", f"naive/{tree[:12]}"], check=True, timeout=SECONDS)


def stop(live: Path) -> None:
    """End what serves."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int(live.with_suffix(".pid").read_text("utf-8")), signal.SIGTERM)


def answers(port: int) -> bool:
    """Say whether anything answers there."""
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(url(port), timeout=SECONDS),  # noqa: S310
    ):
        return True
    return False


def url(port: int) -> str:
    """Return where it answers."""
    return f"http://127.0.0.1:{port}/release?prove=1"


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        deploy(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
