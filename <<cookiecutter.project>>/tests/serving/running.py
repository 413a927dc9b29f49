"""A service to be hard on: a test module has one of its own by importing `running`.

It waits 2 s for slow clients, keeps its predictions in a folder, and is seen from outside alone.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from tests.serving import bundles, samples
from tests.serving.mutations import Source
from tests.serving.rows.test_contract import ONE

MARK = "XSECRETX"  # in each row that is sent, and in no log of the service's own
PATIENCE = 2  # seconds for a client to send its request
REQUEST_KB, ROWS = 1024, 10_000  # as environments/dev.toml has them


@dataclass(frozen=True)
class Running:
    url: str
    pid: int
    log: Path

    def resident(self) -> float:
        """Megabytes of memory that it holds."""
        words = ["ps", "-o", "rss=", "-p", str(self.pid)]
        done = subprocess.run(words, capture_output=True, check=True, timeout=bundles.SECONDS)
        return int(done.stdout) / 1024

    def silent(self) -> bool:
        """Has it met no fault, and said nothing of what it was asked?"""
        said = self.log.read_text()
        events = [json.loads(line)["event"] for line in said.splitlines()]
        return MARK not in said and events == ["ready"]


@pytest.fixture(scope="module")
def running(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    copy = bundles.copy_of(bundle, folder / "bundle", "a" * 40)
    bundles.change(copy, "\nseconds = 10 ", f"\nseconds = {PATIENCE} ")
    text = (copy / "environments/dev.toml").read_text()
    assert f"\nrequest_kb = {REQUEST_KB} " in text
    assert f"\nrows = {ROWS} " in text
    worker = bundles.served(copy, folder / "worker", "--state", str(folder / "state"))
    state = worker.state(bundles.SECONDS)
    yield Running(state.url, state.pid, folder / "worker/service.log")
    bundles.end(worker)


def source(raw: pl.DataFrame, seed: int) -> Source:
    """Real rows, and for each field what a client might send in its place."""
    odd = {name: [*samples.ANYTHING, *samples.near(column)] for name, column in ONE.columns.items()}
    return Source(raw.drop("late").to_dicts(), odd, MARK, seed)
