"""A ground of its own: declared, made from nothing, planned again, destroyed.

python bench/ground.py      # in a clone of this repository; needs an engine and terraform
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker  # type: ignore[import-untyped]
import docker.errors  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from figures import note, show

from grounds import Trial

RUNS = 5  # of what takes a moment; their median counts
LIMIT = 900  # seconds; what takes longer hangs
ASKED = 10  # seconds for an engine to say that it is there
BUILT, PULLED = "  built: ", "  pulled: "


def main() -> None:
    if missing := lacking():
        note(f"ground: left out, as {missing}")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        trial = Trial(Path(folder), f"bench-{os.getpid()}")
        make(trial, ".venv/infra/ready")
        try:
            measure(trial)
        finally:
            make(trial, "ground-destroy", "FORCE=1")


def lacking() -> str | None:
    """Why no ground can be made here; None where one can."""
    if not shutil.which("terraform"):
        return "no terraform is on PATH"
    try:
        docker.from_env(timeout=ASKED).close()
    except docker.errors.DockerException:
        return "no container engine answers"
    return None


def measure(trial: Trial) -> None:
    took, said = timed(trial, "ground")
    if BUILT in said or PULLED in said:  # with images present, the next one is
        make(trial, "ground-destroy", "FORCE=1")
        took, _ = timed(trial, "ground")
    show("ground, from nothing with images present", took, "s", 60)
    plans = [planned(trial) for _ in range(RUNS)]
    show("ground, a plan without changes", statistics.median(plans), "s", 3)
    show("ground, synth", statistics.median(declared(trial) for _ in range(RUNS)), "s", 2)


def planned(trial: Trial) -> float:
    took, said = timed(trial, "ground-plan")
    assert said.splitlines()[-1] == "nothing changes", said
    return took


def declared(trial: Trial) -> float:
    """Seconds of the program that declares it."""
    python = str(Path(".venv/infra/bin/python").absolute())
    given = {"GROUND_FILE": str(trial.file), "CDKTF_OUTDIR": str(trial.folder / "declared")}
    env = environment(trial) | given
    env["PATH"] = f"{Path(python).parent}{os.pathsep}{env['PATH']}"
    start = time.monotonic()
    subprocess.run([python, "infra/main.py"], env=env, check=True, timeout=LIMIT)
    return time.monotonic() - start


def timed(trial: Trial, *words: str) -> tuple[float, str]:
    start = time.monotonic()
    said = make(trial, *words)
    return time.monotonic() - start, said


def make(trial: Trial, *words: str) -> str:
    done = subprocess.run(
        ["make", "--no-print-directory", *words, f"FILE={trial.file}"],
        env=environment(trial),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    if done.returncode:
        sys.exit(f"make {' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def environment(trial: Trial) -> dict[str, str]:
    """That of a person who keeps grounds in the folder of this one."""
    env = trial.environment()
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH"):
        env.pop(name, None)
    return env | {"PYTHONPATH": "infra"}


if __name__ == "__main__":
    main()
