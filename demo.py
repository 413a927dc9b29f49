"""Bake a project into demo/ and close its whole loop there: DEV, UAT, PROD, and PROD back.

make demo
make demo TARGET=docker     # in containers, where an engine is
python demo.py --every 40   # on every 40th flight: a try in less time
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

ROOT = Path(__file__).parent
TAIL = 40  # lines of a failed step's output: about a screen
WIDTH = 40  # of the titles, so that the seconds stand in a column


def environment() -> dict[str, str]:
    """Return an environment in which neither make nor a person's git settings interfere."""
    outer = ("GIT_", "MAKE", "MFLAGS", "PYTHON", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "demo", f"GIT_{role}_EMAIL": "demo@example.invalid"}
    return env


class Demo:
    """One folder, one log, and the steps that run there one after the other."""

    def __init__(self, folder: Path) -> None:
        self.log, self.where = folder / "demo.log", folder

    def step(self, title: str, *command: str) -> None:
        """Run a command, and show its seconds while it works."""
        start, begin = time.monotonic(), self.log.stat().st_size
        say(title.ljust(WIDTH))
        process = self.start(*command)
        try:
            while process.poll() is None:
                wait(process, seconds=1)
                if sys.stdout.isatty():
                    say(f"\r{title:<{WIDTH}}{time.monotonic() - start:4.0f} s")
        except KeyboardInterrupt:
            end(process)
            raise
        again = f"\r{title:<{WIDTH}}" if sys.stdout.isatty() else ""
        say(f"{again}{time.monotonic() - start:6.1f} s\n")
        output = self.log.read_bytes()[begin:].decode("utf-8", "replace")
        if process.returncode:
            self.fail(output, command)

    def start(self, *command: str, shown: bool = False) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, so that its children can end with it."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.where,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=None if shown else log,
                stderr=None if shown else subprocess.STDOUT,
                start_new_session=True,
            )

    def fail(self, output: str, command: tuple[str, ...]) -> NoReturn:
        """End with the last words of a command that failed."""
        lines = output.splitlines()[-TAIL:]
        sys.exit("\n".join([*lines, f"{' '.join(command)} failed in {self.where}, see {self.log}"]))


def wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process to end, no longer than this."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)


def say(text: str) -> None:
    """Write to the terminal at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a step and all its children: politely first, since DVC has locks to give back."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        wait(process, seconds=5)


def bake(demo: Demo) -> None:
    """Make the repository and its environment."""
    answers = ("project=flights", "data_store=store")
    command = (sys.executable, "-m", "cookiecutter", "--default-config", "--no-input", str(ROOT))
    demo.step("Bake a repository", *command, *answers)
    demo.where /= "flights"
    demo.step("Set up its environment", "make", "setup")


def rehearse(demo: Demo, *settings: str) -> None:
    """Let the repository close its loop, with its own words on the terminal."""
    command = ("make", "--no-print-directory", "rehearse", *settings)
    process = demo.start(*command, shown=True)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        end(process)
        raise
    if code:
        sys.exit(code)


def stop(project: Path) -> None:
    """End the services of an earlier demo, which serve from the folder that goes."""
    if (project / ".venv").exists():
        command = ["make", "stop"]
        subprocess.run(
            command, cwd=project, env=environment(), capture_output=True, check=False, timeout=60
        )


def move(project: Path, port: int) -> None:
    """Let the environments answer from another port on, and commit that."""
    for name in ("dev", "uat", "prod"):
        path = project / f"environments/{name}.toml"
        path.write_text(
            re.sub(r'(?m)(^address = ".*:)\d+', rf"\g<1>{port}", path.read_text("utf-8"))
        )
        port += 1
    command = ["git", "commit", "--quiet", "--all", "--message", "Answer from other ports"]
    subprocess.run(command, cwd=project, env=environment(), check=True, timeout=60)


def make_anew(folder: Path) -> None:
    """Empty the folder of an earlier demo, which its log tells from a folder of somebody else."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "demo.log"
    if not log.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} holds files of no demo: move them, or name another with --folder")
    stop(folder / "flights")
    log.write_text("")
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != log:
            path.unlink()


def main() -> None:
    """Run the demo afresh."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="keep each N-th flight", metavar="N")
    parser.add_argument("--folder", type=Path, default=ROOT / "demo", help="made anew")
    parser.add_argument(
        "--target", choices=("process", "docker", "terraform"), help="where all runs"
    )
    parser.add_argument("--port", type=int, help="where DEV answers, else 8101", metavar="P")
    arguments = parser.parse_args()
    if arguments.every < 1:
        parser.error(f"--every {arguments.every}: must be 1 or more")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    folder = arguments.folder.resolve()
    try:
        make_anew(folder)
        demo = Demo(folder)
        bake(demo)
        if arguments.port:
            move(demo.where, arguments.port)
        given = {"EVERY": arguments.every if arguments.every > 1 else None}
        given["TARGET"] = arguments.target
        rehearse(demo, *(f"{name}={value}" for name, value in given.items() if value))
    except KeyboardInterrupt:
        say(f"\nStopped. What is done lies in {folder}; make demo starts afresh.\n")
        sys.exit(130)


def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Treat every request to end like Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
