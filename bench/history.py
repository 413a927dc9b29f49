"""Status where many releases and deployments are on record.

python bench/history.py      # in a generated project
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from tests.gitops.repositories import fill, forge_of

RELEASES, DEPLOYMENTS = 1_000, 3_000  # a release a day, for three years
RUNS = 5  # their median counts
FEW = 10  # releases, to compare the memory with
AUTHOR = {
    f"GIT_{role}_{key}": "bench@localhost"
    for role in ("AUTHOR", "COMMITTER")
    for key in ("NAME", "EMAIL")
}


def main() -> None:
    os.environ.update(AUTHOR)
    with tempfile.TemporaryDirectory() as folder:
        _, few = status(Path(folder) / "few", FEW, 3 * FEW)
        took, many = status(Path(folder) / "many", RELEASES, DEPLOYMENTS)
    show(f"status, {RELEASES:,} releases, {DEPLOYMENTS:,} deployments", took, "s", 2)
    show("  its memory, to that with ten releases", many / few, "x", 2)


def status(folder: Path, releases: int, deployments: int) -> tuple[float, int]:
    """Seconds and peak memory in KiB of `gitops status` in a repository with that history."""
    folder.mkdir()
    repository = forge_of(folder)
    (repository.path / "pyproject.toml").write_text('[project]\nname = "flights"\n')
    fill(repository, releases, deployments)
    times = []
    for _ in range(RUNS):
        start = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "gitops", "status", "--json"],
            cwd=repository.path,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.DEVNULL,
            check=False,  # nothing answers there, and it says so
        )
        times.append(time.monotonic() - start)
    return sorted(times)[RUNS // 2], resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def show(figure: str, value: float, unit: str, bound: float) -> None:
    print(json.dumps({"figure": figure, "value": value, "unit": unit, "bound": bound}), flush=True)


if __name__ == "__main__":
    main()
