"""The program that declares the ground, run with Node beside its Python."""

import os
import subprocess
import sys
from pathlib import Path

from ground.home import Home
from ground.settings import FULL, Refused

SECONDS = 120  # it takes two


def synthesise(home: Home, file: Path) -> None:
    """Write what terraform is given.

    Raises:
        Refused: it fails.
    """
    env = dict(os.environ)
    tools = str(Path(sys.executable).parent)
    env |= {"CDKTF_OUTDIR": str(home.stack), "GROUND_FILE": str(file)}
    env |= {"PATH": f"{tools}{os.pathsep}{env.get('PATH', os.defpath)}"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parents[1] / "main.py")],
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
