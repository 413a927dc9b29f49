"""Bake a project into demo/, train two models there, and show the review of the second.

make demo
python demo.py --every 40   # on every 40th flight: a try in seconds
"""

from __future__ import annotations

import argparse
import contextlib
import os
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
# What the second model changes: file, text that stands there once, text that takes its place.
CHANGES = (
    ("params.yaml", "learning_rate: 0.05 ", "learning_rate: 0.03 "),
    ("params.yaml", "smoothing: 200 ", "smoothing: 50 "),
    ("pipeline/features.py", '    "distance",\n', '    "distance",\n    "congestion",\n'),
)
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

    def step(self, title: str, *command: str, may_fail: bool = False) -> tuple[int, str]:
        """Run a command, show its seconds while it works, and return its code and output."""
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
        if process.returncode and not may_fail:
            self.fail(output, command)
        return process.returncode, output

    def git(self, *words: str) -> None:
        """Run git without a line of its own: it takes no time."""
        done = subprocess.run(
            ["git", *words], cwd=self.where, env=environment(), capture_output=True, check=False
        )
        if done.returncode:
            self.fail(done.stderr.decode("utf-8", "replace"), ("git", *words))

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, so that its children can end with it."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.where,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def fail(self, output: str, command: tuple[str, ...]) -> NoReturn:
        """End with the last words of a command that failed."""
        lines = output.splitlines()[-TAIL:]
        sys.exit("\n".join([*lines, f"{' '.join(command)} failed in {self.where}, see {self.log}"]))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that must stand in the file exactly once."""
        path = self.where / name
        text = path.read_text("utf-8")
        if text.count(old) != 1:
            sys.exit(f"{path}: {old!r} stands there {text.count(old)} times, not once")
        path.write_text(text.replace(old, new), "utf-8")


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


def train(demo: Demo, every: int) -> None:
    """Train the first model on a branch and merge it, then a changed one on another branch."""
    demo.git("switch", "--create", "first-model")
    if every > 1:
        demo.edit("params.yaml", "every: 1 ", f"every: {every} ")
    demo.step("Branch first-model: train", "make", "reproduce")
    demo.git("add", "--all")
    demo.git("commit", "--message", "Train the first model")
    demo.git("switch", "dev")
    demo.git("merge", "--ff-only", "first-model")
    demo.git("switch", "--create", "second-model")
    for change in CHANGES:
        demo.edit(*change)
    demo.step("Branch second-model: change and train", "make", "reproduce")
    demo.git("add", "--all")
    demo.git(
        "commit", "--message", "Learn slower, smooth less, and count the departures of the hour"
    )


def review(demo: Demo) -> None:
    """Compare the second model with dev, and say where the report lies and what it finds."""
    command = ("make", "report", "BASE=dev")
    code, output = demo.step("Review it against dev", *command, may_fail=True)
    markdown = demo.where / "reports/review.md"
    if not markdown.exists():
        demo.fail(output, command)
    lines = [line for line in markdown.read_text("utf-8").splitlines() if line.strip()]
    say(f"\n{lines[1]}\n")
    if code:
        gates = [line for line in output.splitlines() if line.startswith("  ")]
        say("\n".join(["\nGates that block the change:", *gates, ""]))
    say(f"\nThe report: {markdown}\n            {markdown.with_suffix('.html')}\n")


def make_anew(folder: Path) -> None:
    """Empty the folder of an earlier demo, which its log tells from a folder of somebody else."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "demo.log"
    if not log.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} holds files of no demo: move them, or name another with --folder")
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
        train(demo, arguments.every)
        review(demo)
    except KeyboardInterrupt:
        say(f"\nStopped. What is done lies in {folder}; make demo starts afresh.\n")
        sys.exit(130)


def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Treat every request to end like Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
