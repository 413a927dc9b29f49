"""Whatever comes, the service answers by its contract, says so in its own words, and lives.

make fuzz               # 100,000 requests
make fuzz SEED=7        # those of an earlier run again
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from gitops.targets.worker import Worker
from tests.serving import bundles, rows
from tests.serving.fuzzing import Fuzz, resident
from tests.serving.mutations import Source
from tests.serving.oracle import Oracle
from tests.serving.test_contract import ONE

COUNT = int(os.environ.get("FUZZ") or 3000)
SEED = int(os.environ.get("SEED") or time.time())
MARK = "XSECRETX"  # in each row, and in no log of ours
REQUEST_KB = 1024
ROWS = 10_000
# Megabytes that the process may hold more at the end than when it had seen a tenth of all: pages
# of the prediction log that are mapped, and what the allocator keeps of the largest requests.
MORE_MB = 24


@dataclass(frozen=True)
class Running:
    worker: Worker
    url: str
    pid: int
    log: Path
    state: Path


@pytest.fixture(scope="module")
def running(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    copy = bundles.copy_of(bundle, folder / "bundle")
    # Slow clients are waited for so long.
    bundles.change(copy, "\nseconds = 10 ", "\nseconds = 2 ")
    worker = bundles.served(copy, folder / "worker", "--state", str(folder / "state"))
    state = worker.state(bundles.SECONDS)
    log = folder / "worker/service.log"
    yield Running(worker, state.url, state.pid, log, folder / "state")
    bundles.end(worker)


@pytest.fixture
def source(raw: pl.DataFrame) -> Source:
    odd = {name: [*rows.ANYTHING, *rows.near(column)] for name, column in ONE.columns.items()}
    return Source(raw.drop("late").to_dicts(), odd, MARK, SEED)


def test_mutations_are_answered_by_the_contract(
    running: Running, bundle: Path, source: Source
) -> None:
    good = bundles.examples(bundle)[0]["row"]
    fuzz = Fuzz(running.url, source, Oracle(ONE, "id", ROWS, good), REQUEST_KB * 1024)
    fuzz.run(COUNT // 10)
    before = resident(running.pid)
    started = time.monotonic()
    fuzz.run(COUNT - COUNT // 10)
    after = resident(running.pid)
    print(f"SEED={SEED}: {COUNT} requests, {COUNT / (time.monotonic() - started):.0f} a second")
    print(f"memory: {before:.0f} MB after a tenth of them, {after:.0f} MB at the end")
    print(fuzz.report())

    assert not fuzz.wrong, f"SEED={SEED}: {len(fuzz.wrong)} of them:\n" + "\n".join(fuzz.wrong[:10])
    assert after - before <= MORE_MB
    assert fuzz.predicted > COUNT / 10  # many are right after all
    said = running.log.read_text()
    assert MARK not in said
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["ready"]
    verified = subprocess.run(
        [sys.executable, "-B", "-m", "serving.verify", running.url],
        cwd=bundle,
        capture_output=True,
        text=True,
        check=False,
        timeout=bundles.SECONDS,
    )
    assert verified.returncode == 0, verified.stderr
