"""The Python that a release's service runs on, or what declares where it does: each on its lock.

One environment for each lock, kept for the next.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gitops.lock import held
from gitops.settings import Refused

LOCK = "requirements/serving.txt"
INSTALLER = "requirements/uv.txt"
SECONDS = 600  # from an empty cache over a slow line; from a full one it takes three


def make(home: Path, bundle: Path, lock: str = LOCK) -> Path:
    """The interpreter with the packages that a lock of a release asks for, and no others.

    Raises:
        Refused: they can't be installed.
    """
    folder = home / "interpreters" / name(bundle, lock)
    python = folder / "bin" / "python"
    if python.exists():  # and with it the Python that it points at
        return python
    with held(home / "interpreters" / "lock", SECONDS):
        for left in folder.parent.glob(".*"):  # by one who was killed: we alone are here
            shutil.rmtree(left, ignore_errors=True)
        if not python.exists():
            shutil.rmtree(folder, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as work:
                install(Path(work) / "made", bundle / lock)
                (Path(work) / "made").rename(folder)
    return python


def name(bundle: Path, lock: str = LOCK) -> str:
    """Equal for equal locks and an equal Python, which the environment points at."""
    try:
        locks = b"".join((bundle / path).read_bytes() for path in (lock, INSTALLER))
    except FileNotFoundError as error:
        raise Refused(f"{error.filename}: not there; the release is not whole") from None
    return hashlib.sha256(locks + f"{sys.version} {sys.base_prefix}".encode()).hexdigest()[:16]


def install(folder: Path, lock: Path) -> None:
    run("venv", "--without-pip", str(folder))
    words = ("pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python")
    run("uv", *words, str(folder / "bin" / "python"), str(lock))


def run(*words: str) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"{words[0]}: not done after {SECONDS} s; see the network") from None
    if done.returncode:
        raise Refused(f"the service's packages can't be installed: {done.stderr.strip()[-500:]}")
