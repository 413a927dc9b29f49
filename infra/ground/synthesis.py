"""The program that declares the ground, run with Node beside its Python.

What was declared before from the same files and settings is not declared again.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from ground import settings, tracking_image
from ground.home import Home, write
from ground.settings import FULL, Refused

HERE = Path(__file__).parents[1]
SOURCES = ("main.py", "ground/*.py", "files/*")
SECONDS = 120  # it takes two


def synthesise(home: Home, file: Path) -> None:
    """Write what terraform is given.

    Raises:
        Refused: it fails.
    """
    stack, known = home.stack / "stacks/ground/cdk.tf.json", home.path / "declared"
    if stack.exists() and known.exists() and known.read_text() == key(home, file, stack):
        return
    known.unlink(missing_ok=True)
    env = dict(os.environ)
    tools = str(Path(sys.executable).parent)
    env |= {"CDKTF_OUTDIR": str(home.stack), "GROUND_FILE": str(file)}
    env |= {"PATH": f"{tools}{os.pathsep}{env.get('PATH', os.defpath)}"}
    done = subprocess.run(
        [sys.executable, str(HERE / "main.py")],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        if any("no space left on device" in line for line in lines):
            raise Refused(f"{home.path}: {FULL}")
        raise Refused(lines[-1].removeprefix("error: ") if lines else "the program says nothing")
    write(known, key(home, file, stack))


def key(home: Home, file: Path, stack: Path) -> str:
    """Equal for what declares the ground, what that is told, and what it has written."""
    told = settings.read(file)
    found = hashlib.sha256(f"{home.path} {sys.prefix} {tracking_image.name(told)}".encode())
    found.update(told.model_dump_json().encode())
    paths = sorted(path for pattern in SOURCES for path in HERE.glob(pattern))
    for path in (*paths, stack):
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
