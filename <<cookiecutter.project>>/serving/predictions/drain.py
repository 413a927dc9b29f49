"""From the spool to the database, in threads of their own: nothing that answers waits for them."""

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from serving.predictions.record import UNKNOWN, About, about_of, parsed
from serving.predictions.segment import Segment
from serving.predictions.spool import Estate, Spool

if TYPE_CHECKING:
    from serving.predictions import lite, store

    Store = lite.Store | store.Store

BATCH_BYTES = 512 * 1024  # about 1200 rows, a transaction of 5 ms: smaller ones cost more a row
BUSY = 0.5  # of the time: who answers and has more to do than that has the first claim to the rest
PATIENCE = 50  # times the flush interval, 10 s of 0.2: so long a busy service may keep rows waiting
BACKOFF_SECONDS = 30  # at most between two tries: a database that is back is soon found
ADOPT_SECONDS = 10  # between two looks for what dead processes left
EXPIRE_SECONDS = 3600  # between two deletions of old rows
EXPIRE_ROWS = 500  # of one deletion: a lock of milliseconds
EXPIRE_TURNS = 20  # deletions in a row, before what waits has its turn
SPARE_SECONDS = 1  # between two looks for room while there was none
DAY = 86400

logger = logging.getLogger(__name__)


class Drain:
    """One spool and one database; a thread for each, as the database may let its own wait."""

    def __init__(
        self, spool: Spool, url: str, about: About, flush_seconds: float, retention_days: float
    ) -> None:
        self.spool, self.url, self.about = spool, url, about
        self.flush_seconds, self.retention = flush_seconds, retention_days * DAY
        self.ending = threading.Event()
        self.until = float("inf")  # when the last turn must have ended
        self.failures = 0
        self.answering = threading.get_native_id()
        self.looked, self.wanted = float("-inf"), 0.0
        self.busy = False
        self.seen_dropped, self.dropping = 0, False
        self.store: Store | None = None
        self.adopted_at = self.expired_at = float("-inf")
        self.threads = [
            threading.Thread(target=self.keep_spares, name="spool", daemon=True),
            threading.Thread(target=self.run, name="drain", daemon=True),
        ]

    def start(self) -> None:
        """Begin; the thread that calls this is the one that answers."""
        self.answering = threading.get_native_id()
        self.spool.wanted.set()  # it has begun with few
        for thread in self.threads:
            thread.start()

    def close(self, seconds: float) -> None:
        """Drain what time allows."""
        self.until = time.monotonic() + seconds
        self.ending.set()
        self.spool.wanted.set()
        for thread in self.threads:
            if thread.is_alive():
                thread.join(max(0, self.until - time.monotonic()))

    def keep_spares(self) -> None:
        while not self.ending.is_set():
            self.spool.wanted.wait(SPARE_SECONDS)
            self.spool.wanted.clear()
            self.spool.prepare()
            self.warn_of_dropped()
            if self.spool.failure:  # each record that is dropped asks for room again
                self.ending.wait(SPARE_SECONDS / 10)

    def warn_of_dropped(self) -> None:
        dropped = self.spool.dropped
        more = dropped > self.seen_dropped
        if more and not self.dropping:
            logger.warning("predictions are dropped: %s", self.spool.failure or "too many at once")
        if self.dropping and not more:
            logger.warning("predictions are kept again; %s are lost", dropped)
        self.seen_dropped, self.dropping = dropped, more

    def run(self) -> None:
        store = store_of(self.url)  # behind the back of those who wait for the service
        wait = 0.0
        while not self.ending.wait(wait):
            wait = self.turn(store)
        self.turn(store)
        if self.store is not None:
            self.store.close()

    def turn(self, store: Any) -> float:
        """Do what is due; seconds until the next turn."""
        try:
            if self.store is None:
                self.store = store.Store(self.url)
            self.adopt()
            self.look()
            self.drain(self.store)
            self.expire(self.store)
        except Exception as error:  # whatever it is, rows wait and the next turn tries again
            if self.store is not None:
                self.store.close()
            self.failures += 1
            if self.failures == 1:
                logger.warning("predictions wait in the spool: %s", store.reason(error))
            return float(min(self.flush_seconds * 2 ** min(self.failures, 10), BACKOFF_SECONDS))
        if self.failures:
            logger.warning("predictions are in the database again, after %s tries", self.failures)
            self.failures = 0
        return self.flush_seconds

    def adopt(self) -> None:
        if time.monotonic() - self.adopted_at >= ADOPT_SECONDS:
            self.adopted_at = time.monotonic()
            self.spool.adopt()

    def look(self) -> None:
        """See whether who answers leaves time for others, by what it wanted since the last look."""
        now, wanted = time.monotonic(), wanted_by(self.answering)
        busy = wanted - self.wanted > BUSY * (now - self.looked)
        self.busy = busy and not self.failures  # then each turn is to see whether it is over
        self.looked, self.wanted = now, wanted

    def due(self, segment: Segment) -> bool:
        """Must it be drained now? While others are busy, only what is old, or too much."""
        if not self.busy or self.ending.is_set():
            return True
        old = time.monotonic() - segment.since >= PATIENCE * self.flush_seconds
        return old or self.spool.filling

    def drain(self, store: "Store") -> None:
        """Everything that waits and is due, the oldest first."""
        for segment in self.spool.own():
            if not self.due(segment):
                break
            self.drain_segment(store, segment, self.about)
            self.spool.release(segment)
        for estate in list(self.spool.adopted):
            self.settle(store, estate)
        dropped = self.spool.dropped
        if dropped > self.spool.told:
            store.write_dropped({self.spool.name: dropped})
            self.spool.told = dropped

    def drain_segment(self, store: "Store", segment: Segment, about: About) -> None:
        while not segment.empty and time.monotonic() < self.until:
            batch = segment.read(BATCH_BYTES)
            predictions, labels, wrong = parsed(batch.records, about.threshold)
            store.write(about, predictions, labels)
            # Counted first: killed in between, a row is counted twice rather than never.
            if wrong:
                self.spool.drop(wrong)
            segment.mark(batch)
            if batch.damaged:
                self.spool.drop(segment.waiting)
                logger.warning("%s: damaged, %s rows lost", segment.path.name, segment.waiting)
                segment.give_up()

    def settle(self, store: "Store", estate: Estate) -> None:
        """Drain what a dead process left; then nothing reminds of it but the rows it dropped."""
        try:
            about = about_of(estate.owner.about)
        except msgspec.MsgspecError:
            about = UNKNOWN
        for segment in list(estate.segments):
            if not self.due(segment):
                return
            self.drain_segment(store, segment, about)
            if not segment.empty:
                return
            segment.delete()
            estate.segments.remove(segment)
        if estate.owner.dropped:
            store.write_dropped({estate.owner.name: estate.owner.dropped})
        estate.owner.delete()
        self.spool.adopted.remove(estate)

    def expire(self, store: "Store") -> None:
        if time.monotonic() - self.expired_at < EXPIRE_SECONDS:
            return
        for _ in range(EXPIRE_TURNS):
            if self.ending.is_set():
                return
            if not store.expire(time.time() - self.retention, EXPIRE_ROWS):
                self.expired_at = time.monotonic()
                return


def store_of(url: str) -> Any:
    """The module that writes a database; SQLAlchemy takes a fifth of a second and 15 MiB."""
    if url.startswith("sqlite:"):
        from serving.predictions import lite

        return lite
    from serving.predictions import store

    return store


def wanted_by(thread: int) -> float:
    """Seconds that a thread had something to do, whether or not it got a core for it."""
    try:
        ran, waited, _ = Path(f"/proc/self/task/{thread}/schedstat").read_text().split()
    except (OSError, ValueError):  # no Linux: then what the others of this process got
        return time.process_time() - time.thread_time()
    return (int(ran) + int(waited)) / 1e9
