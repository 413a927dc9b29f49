"""What an image's packages are: a CycloneDX document made from the lock that they come from."""

import subprocess
import sys
from pathlib import Path

from gitops.plumbing import quiet
from gitops.settings import Refused

NAME = "sbom.cdx.json"
KIND = "application/vnd.cyclonedx+json"
LOCK = "requirements/serving.txt"
SECONDS = 60  # it takes half of one, and asks nobody


def document(folder: Path) -> bytes:
    """The document of a tree, the same each time.

    Raises:
        Refused: its lock or its pyproject.toml can't be read.
    """
    words = ["requirements", LOCK, "--pyproject", "pyproject.toml", "--output-reproducible"]
    words += ["--no-validate"]  # test_sbom.py does, which takes longer than all the rest
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cyclonedx_py", *words],
            cwd=folder,
            env=quiet(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"cyclonedx-py {LOCK}: not done after {SECONDS} s") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Refused(f"cyclonedx-py {LOCK}: {''.join(last) or 'failed without a word'}")
    return done.stdout
