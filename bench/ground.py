"""A ground of its own: declared, made from nothing, planned again, destroyed.

python bench/ground.py      # in a clone of this repository; needs an engine and terraform
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import docker  # type: ignore[import-untyped]
import docker.errors  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from commands import Failed, make, median, seconds
from figures import note, show

from grounds import Trial

SECONDS = 120  # to declare it: it takes one
ASKED = 10  # seconds for an engine to say that it is there
FETCHED = ("  built: ", "  pulled: ")  # said of an image that was not there


def main() -> None:
    if missing := lacking():
        note(f"ground: left out, as {missing}")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        trial = Trial(Path(folder), f"bench-{os.getpid()}")
        try:
            ground(trial, ".venv/infra/ready")
            took = made(trial)
        except Failed as failed:  # a provider or an image can't be had
            note(f"ground: left out, as {failed}")
        else:
            measure(trial, took)
        finally:
            if trial.home.exists():
                ground(trial, "ground-destroy", "FORCE=1")


def lacking() -> str | None:
    """Why no ground can be made here; None where one can."""
    if not shutil.which("terraform"):
        return "no terraform is on PATH"
    try:
        docker.from_env(timeout=ASKED).close()
    except docker.errors.DockerException:
        return "no container engine answers"
    return None


def made(trial: Trial) -> float:
    """Seconds until it answers, from nothing; where an image was lacking, from nothing again."""
    said: list[str] = []
    took = seconds(lambda: said.append(ground(trial, "ground")))
    if not any(word in said[0] for word in FETCHED):
        return took
    ground(trial, "ground-destroy", "FORCE=1")
    return seconds(lambda: ground(trial, "ground"))


def measure(trial: Trial, took: float) -> None:
    show("ground, from nothing with images present", took, "s", 60)
    show("ground, a plan without changes", median(lambda: unchanged(trial)), "s", 3)
    show("ground, synth", median(lambda: declared(trial)), "s", 2)


def unchanged(trial: Trial) -> None:
    said = ground(trial, "ground-plan")
    assert said.splitlines()[-1] == "nothing changes", said


def declared(trial: Trial) -> None:
    """The program, as if nobody had asked it before."""
    python = str(Path(".venv/infra/bin/python").absolute())
    given = {"GROUND_FILE": str(trial.file), "CDKTF_OUTDIR": str(trial.folder / "declared")}
    env = environment(trial) | given
    env["PATH"] = f"{Path(python).parent}{os.pathsep}{env['PATH']}"
    subprocess.run([python, "infra/main.py"], env=env, check=True, timeout=SECONDS)


def ground(trial: Trial, *words: str) -> str:
    return make(*words, f"FILE={trial.file}", env=environment(trial))


def environment(trial: Trial) -> dict[str, str]:
    """That of a person who keeps grounds in the folder of this one."""
    env = trial.environment()
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH"):
        env.pop(name, None)
    return env | {"PYTHONPATH": "infra"}


if __name__ == "__main__":
    main()
