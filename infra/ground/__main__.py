"""The commands of the ground; make calls them by task.

python -m ground up
"""

import argparse
import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ground import settings
from ground.home import Home
from ground.settings import FULL, Refused

HERE = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="ground", description="The shared platform of projects.")
    parser.add_argument("--file", type=Path, default=HERE / "ground.toml", help="its settings")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="make it, or bring it to what its settings say")
    commands.add_parser("plan", help="show what `up` would change; 2 where something would")
    commands.add_parser("destroy", help="remove it with its data").add_argument(
        "--force", action="store_true", help="without asking, and with what projects store"
    )
    commands.add_parser("project", help="give a project its users").add_argument("name")
    commands.add_parser("backup", help="copy what it keeps").add_argument("to", type=Path)
    commands.add_parser("restore", help="bring that back").add_argument("source", type=Path)
    asked = parser.parse_args()
    os.umask(0o077)  # what is written by others here is for nobody else's eyes either
    file = asked.file.absolute()
    told = settings.read(file)
    home = Home.of(told)
    home.trust()
    with home.alone():
        run(asked, told, file, home)


def run(asked: argparse.Namespace, told: settings.Settings, file: Path, home: Home) -> None:
    """Do what is asked."""
    # Each when it is needed: an engine's library takes as long to load as a short answer.
    if asked.command == "up":
        from ground.up import lines, up

        print(*lines(up(told, file, home, clock()), home), sep="\n")
    elif asked.command == "plan":
        from ground.up import plan

        changes = plan(told, file, home)
        print("\n".join(map(str, changes)) or "nothing changes")
        sys.exit(2 if changes else 0)
    elif asked.command == "destroy":
        from ground.destroy import destroy

        destroy(told, file, home, clock(), question, force=asked.force)
        print(f"{told.name} is no more")
    elif asked.command == "project":
        from ground import engine, project

        print(f"a project reads it: . '{project.have(engine.connect(), home, asked.name)}'")
    elif asked.command == "backup":
        from ground.backup import backup

        print(f"{backup(told, home, asked.to.absolute(), clock())} files lie in {asked.to}")
    elif asked.command == "restore":
        from ground.restore import restore

        count = restore(told, file, home, asked.source.absolute(), clock())
        print(f"{count} files are as they were")


def clock() -> Callable[[str], None]:
    """A way to tell of progress, with the seconds since the beginning."""
    begin = time.monotonic()
    return lambda line: print(f"{time.monotonic() - begin:6.1f} s  {line}", flush=True)


def question(text: str) -> str:
    """A person's answer; none where nobody is there."""
    try:
        return input(text)
    except EOFError:
        return ""


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        sys.exit(f"error: {refusal}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        more = f"; {FULL}" if full else ""
        sys.exit(f"error: {where}{error.strerror or error}{more}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. What is made stays; run it again, or destroy it.")
