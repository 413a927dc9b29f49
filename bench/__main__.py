"""Measure speed and size, and print each figure beside its bound.

    make bench

Everything is measured in a fresh clone of the last commit: what a newcomer would see. Figures
are of this machine and its load; where a peer exists, it runs in the same minute.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.commands import Failed, median, run, seconds

ROOT = Path(__file__).parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        clone = Path(folder) / "clone"
        run("git", "clone", "--quiet", "--local", str(ROOT), str(clone), cwd=ROOT)
        show("make demo, first", seconds(lambda: run("make", "demo", cwd=clone)), "s", 240)
        show("make demo, again", seconds(lambda: run("make", "demo", cwd=clone)), "s", 120)
        bake(clone, Path(folder))
        flights = clone / "demo/flights"
        try:
            loop(flights)
            project(flights)
            tell(str(flights / ".venv/bin/python"), "infrastructure", cwd=flights)
        finally:
            run("make", "stop", cwd=flights)
        tell(sys.executable, "ground", cwd=clone)


def bake(clone: Path, folder: Path) -> None:
    command = [str(clone / ".venv/bin/cookiecutter"), "--no-input", "-f", "-o", str(folder)]
    show("a bake", median(lambda: run(*command, str(clone), cwd=folder)), "s", 2)


def loop(flights: Path) -> None:
    """Promotions, rollbacks and status, on what the demo has left running."""
    python = str(flights / ".venv/bin/python")
    tell(python, "loop", cwd=flights)
    tell(python, "history", cwd=flights)


def project(flights: Path) -> None:
    """What a person does with the working copy: the clone that the rehearsal has worked in."""
    folder = flights / ".rehearsal/work"
    (folder / ".venv").symlink_to(flights / ".venv")
    python = str(folder / ".venv/bin/python")
    run("git", "fetch", "--quiet", cwd=folder)
    run("git", "switch", "--quiet", "--detach", "rehearsal/dev", cwd=folder)
    run("make", "reproduce", cwd=folder)
    again = median(lambda: run("make", "reproduce", cwd=folder))
    show("make reproduce, unchanged", again, "s", 2)
    stale = median(lambda: run(python, "-m", "review.lock", cwd=folder))
    show("stale or not", stale, "s", 0.3)
    report = (python, "-m", "review", "--base", "HEAD^1")
    run(*report, cwd=folder)
    show("report, a month's holdout", median(lambda: run(*report, cwd=folder)), "s", 3)
    million = [python, str(ROOT / "bench/report.py"), "1000000"]
    run(*million, "prepare", cwd=folder)
    show("report, 1,000,000 rows", seconds(lambda: run(*million, cwd=folder)), "s", 20)
    tell(python, "features", cwd=folder)
    validation(python, folder)
    tell(python, "serving", cwd=folder)
    tell(python, "image", cwd=folder)
    changed(folder)


def validation(python: str, folder: Path) -> None:
    """The contract against pandera's pandas backend: verdicts, seconds, memory."""
    ours, theirs = (
        measured(python, f"contract {side}", cwd=folder)[0] for side in ("polars", "pandas")
    )
    same = "the same verdicts" if ours["verdicts"] == theirs["verdicts"] else "OTHER VERDICTS"
    ratio = theirs["seconds"] / ours["seconds"]
    show(f"contract, 1,000,000 x 20, to pandas ({same})", ratio, "x", 5, at_least=True)
    for name, side in (("ours", ours), ("pandas", theirs)):
        print(
            f"  {name:<10}{side['seconds']:8.3f} s{side['bytes'] / 2**20:8.0f} MiB over the frame"
        )


def changed(folder: Path) -> None:
    """What a change of one training parameter runs again."""
    params = folder / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace("num_leaves: 31 ", "num_leaves: 32 "))
    started = time.monotonic()
    told = run("make", "reproduce", cwd=folder)
    took = time.monotonic() - started
    params.write_text(text)
    run("git", "checkout", "--quiet", "--", "dvc.lock", cwd=folder)
    ran = [line.split("'")[1] for line in told.splitlines() if line.startswith("Running stage")]
    print(f"a changed training parameter reran {', '.join(ran)} in {took:.1f} s")


def tell(python: str, script: str, cwd: Path) -> None:
    """What a script says, as it says it: a figure and its bound, or a line without."""
    for line in measured(python, script, cwd):
        print(line["note"], flush=True) if "note" in line else show(**line)


def measured(python: str, script: str, cwd: Path) -> list[dict[str, Any]]:
    """The lines of JSON that a script of this folder prints, run in a project."""
    name, *words = script.split()
    out = run(python, str(ROOT / "bench" / f"{name}.py"), *words, cwd=cwd)
    return [json.loads(line) for line in out.splitlines()]


def show(figure: str, value: float, unit: str, bound: float, *, at_least: bool = False) -> None:
    kept = value >= bound if at_least else value <= bound
    sign = "≥" if at_least else "≤"
    print(
        f"{figure:<55}{value:9.3g} {unit:<3}{sign} {bound:g}{'' if kept else '   MISSED'}",
        flush=True,
    )


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"bench: {failure}")
