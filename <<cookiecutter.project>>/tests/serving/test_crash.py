"""Killed at any instant, cut off from its database, on a full disk: what was answered is kept.

A prediction whose id a client has got is in the log afterwards, or is counted as dropped. What a
service answers is in the kernel's hands before it is sent, so a kill alone costs nothing, not even
the last flush interval.

CRASHES=20 pytest -rP tests/serving/test_crash.py     # so often in each way; SEED=n: those of a run
"""

import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gitops.targets.worker import Worker
from tests.serving import bundles, disks, logs
from tests.serving.clients import Client
from tests.serving.mutations import body
from tests.serving.postgres import Postgres, postgres  # noqa: F401
from tests.serving.wire import Wire, post

CRASHES = int(os.environ.get("CRASHES") or 3)
SEED = int(os.environ.get("SEED") or time.time())
CLIENTS = 4
ROWS = 5  # of one request, at most
LATEST = 0.5  # seconds of load before something happens: two flush intervals, and more
DISK_MB, SPOOL_MB = 64, 8  # room for half a minute of load


class Load:
    """Clients that ask without a pause, and remember each id that they got."""

    def __init__(self, url: str, rows: list[dict[str, Any]]) -> None:
        self.url, self.rows = url, rows
        self.ids: set[str] = set()
        self.cut: list[str] = []  # requests without an answer
        self.stopped = threading.Event()

    def ask(self, client: int) -> None:
        turn = 0
        try:
            with Wire(self.url) as wire:
                while not self.stopped.is_set():
                    turn += 1
                    rows = [
                        self.rows[place] | {"id": f"{client}-{turn}-{place}"}
                        for place in range(1 + turn % ROWS)
                    ]
                    wire.send(post("/predict", body(*rows)))
                    reply = wire.reply()
                    assert reply
                    assert reply.status == 200, reply
                    self.ids |= set(reply.said["ids"])
        except (AssertionError, OSError) as error:
            self.cut.append(repr(error))

    @contextmanager
    def constant(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            self.go_on()
            yield
        finally:
            self.stopped.set()
            for thread in threads:
                thread.join(bundles.SECONDS)

    def go_on(self, answers: int = 100) -> None:
        """Wait for more answers."""
        enough = len(self.ids) + answers
        bundles.until(lambda: len(self.ids) >= enough or self.cut)


class Story:
    """A service that crashes again and again, and what its clients were told over all its lives."""

    def __init__(self, bundle: Path, folder: Path, state: Path, seed: int = SEED) -> None:
        self.bundle, self.folder, self.state = bundle, folder, state
        self.rows = [one["row"] for one in bundles.examples(bundle)[:ROWS]]
        self.random = random.Random(seed)  # noqa: S311  nothing is kept secret by it
        self.answered: set[str] = set()
        self.lives = 0
        print(f"SEED={seed}")

    @contextmanager
    def loaded(self) -> Iterator[tuple[Worker, Load]]:
        """A new life under load."""
        self.lives += 1
        folder = self.folder / f"life-{self.lives}"
        worker = bundles.served(self.bundle, folder, "--state", str(self.state))
        try:
            load = Load(worker.state(bundles.SECONDS).url, self.rows)
            with load.constant():
                yield worker, load
            self.answered |= load.ids
        finally:
            bundles.end(worker)
        assert "Traceback" not in (folder / "service.log").read_text()

    def any_instant(self) -> None:
        time.sleep(self.random.uniform(0, LATEST))

    def kill(self, worker: Worker, load: Load) -> None:
        """End it at once, and see that each client saw it."""
        os.kill(int(worker.pid.read_text()), signal.SIGKILL)
        bundles.until(lambda: len(load.cut) == CLIENTS)

    def accounted(self, url: str) -> tuple[int, int]:
        """See what a last life recovers: how many answers are not in the log, and are counted."""
        with self.loaded():
            bundles.until(lambda: self.missing(url) <= logs.dropped(url))
        assert not list((self.state / "spool").glob("*")), "something still waits"
        missing, dropped = self.missing(url), logs.dropped(url)
        print(f"{len(self.answered)} answered, {missing} not in the log, {dropped} dropped")
        assert len(self.answered) > 100
        return missing, dropped

    def missing(self, url: str) -> int:
        return len(self.answered - logs.stored(url))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "sqlite":
        return logs.sqlite(tmp_path / "state")
    server: Postgres = request.getfixturevalue("postgres")
    found = server.database()
    monkeypatch.setenv("PREDICTION_LOG_URL", found)
    return found


@pytest.fixture
def story(bundle: Path, tmp_path: Path) -> Story:
    return Story(bundle, tmp_path, tmp_path / "state")


def test_a_killed_service_loses_nothing_that_it_answered(story: Story, url: str) -> None:
    for _ in range(CRASHES):
        with story.loaded() as (worker, load):
            story.any_instant()
            story.kill(worker, load)

    assert story.accounted(url) == (0, 0)


def test_a_killed_database_stops_no_answer_and_loses_none(
    story: Story,
    postgres: Postgres,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = postgres.database()
    monkeypatch.setenv("PREDICTION_LOG_URL", url)
    with story.loaded() as (_, load):
        for _ in range(CRASHES):
            story.any_instant()
            postgres.kill()
            load.go_on()
            postgres.start()
            load.go_on()
    assert load.cut == []

    assert story.accounted(url) == (0, 0)


def test_both_killed_at_once_lose_nothing(
    story: Story,
    postgres: Postgres,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = postgres.database()
    monkeypatch.setenv("PREDICTION_LOG_URL", url)
    for _ in range(CRASHES):
        with story.loaded() as (worker, load):
            story.any_instant()
            postgres.kill()
            story.any_instant()
            story.kill(worker, load)
        postgres.start()

    assert story.accounted(url) == (0, 0)


@pytest.mark.parametrize("killed", [False, True])
def test_on_a_full_disk_every_answer_is_kept_or_counted(
    bundle: Path, tmp_path: Path, killed: bool
) -> None:
    copy = bundles.copy_of(bundle, tmp_path / "bundle")
    bundles.change(copy, "spool_mb = 256 ", f"spool_mb = {SPOOL_MB} ")
    for turn in range(CRASHES):
        with disks.small(tmp_path / f"disk-{turn}", DISK_MB) as disk:
            story = Story(copy, tmp_path / f"lives-{turn}", disk / "state", SEED + turn)
            with story.loaded() as (worker, load):
                story.any_instant()
                with disks.full(disk):
                    client = Client(worker.state().url)
                    bundles.until(lambda: dropped(client) > 0)  # noqa: B023
                    client.close()
                    if killed:
                        story.kill(worker, load)
                if not killed:
                    load.go_on()
            assert killed or load.cut == []
            missing, counted = story.accounted(logs.sqlite(story.state))
            assert missing > 0
            # Of a killed one, some were kept or counted that nobody got.
            assert missing <= counted <= missing + killed * CLIENTS * ROWS


def dropped(client: Client) -> float:
    """What the service says that it has kept nowhere."""
    found = re.search(rb"log_dropped\S* ([0-9.e+]+)", client.get("/metrics").said)
    assert found
    return float(found[1])
