"""What waits for the database: records of this process, and those that dead ones have left."""

import fcntl
import itertools
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from pipeline.stage import StageError
from serving.predictions.owner import SUFFIX, Owner
from serving.predictions.segment import FRAME, START, Segment

SEGMENT_BYTES = 1024**2  # two requests of a thousand rows; what is written of it is in memory
SEGMENTS = 8  # at least, whatever the bound: one is freed only as a whole
SPARES = (
    8  # made ahead at most, on disk alone: half a second of the fastest clients, for a slow disk
)
FIRST_SPARES = 2  # before anything is asked; the others come behind
FULL = 1 / 4  # of the bound: the database has to take some, whatever else there is to do
PAGE = 4096
SEGMENT = ".segment"


@dataclass
class Estate:
    """What a process, living or dead, has in the spool; only the holder of its owner writes it."""

    owner: Owner
    segments: list[Segment]


class Spool:
    """A folder of segments, of at most so many bytes together, whoever they belong to.

    `append` is for the threads that answer; all else is for those behind.
    """

    def __init__(self, folder: Path, size: int, name: str, about: bytes) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(0, "not ours to write")
        except OSError as error:
            raise StageError(f"{folder}: no place for a spool: {error.strerror}") from None
        self.folder, self.size, self.name, self.about = folder, size, name, about
        self.segment_bytes = min(SEGMENT_BYTES, max(PAGE, size // SEGMENTS // PAGE * PAGE))
        self.largest = self.segment_bytes - START - FRAME.size  # bytes of a record
        self.most_spares = min(SPARES, size // self.segment_bytes // 4)
        self.lock = threading.Lock()
        self.wanted = threading.Event()  # a spare
        self.numbers = itertools.count()
        self.owner: Owner | None = None
        self.current: Segment | None = None
        self.spares: deque[Segment] = deque()
        self.filled: deque[Segment] = deque()
        self.adopted: list[Estate] = []
        self.dropped = 0
        self.told = 0  # how many of them the database knows of
        self.failure = ""  # why there is no spare
        self.closed = False

    def append(self, kind: int, record: bytes, rows: int) -> None:
        """Keep a record, or count its rows as dropped. Touches memory alone."""
        with self.lock:
            current = self.current
            if current is not None and current.append(kind, record, rows):
                return
            if len(record) <= self.largest and self.spares:
                if current is not None:
                    current.fold()
                    self.filled.append(current)
                self.current = self.spares.popleft()
                self.current.since = time.monotonic()
                self.current.append(kind, record, rows)
            else:
                self.count_dropped(rows)
        self.wanted.set()

    def drop(self, rows: int) -> None:
        with self.lock:
            self.count_dropped(rows)

    def count_dropped(self, rows: int) -> None:
        self.dropped += rows
        if self.owner is not None:
            self.owner.dropped = self.dropped

    @property
    def waiting(self) -> int:
        """Rows that nobody has drained yet, as far as this process knows."""
        left = [segment for estate in list(self.adopted) for segment in list(estate.segments)]
        return sum(segment.waiting for segment in [*self.own(), *left])

    def own(self) -> list[Segment]:
        """Those of this process that hold or may hold records, the oldest first."""
        with self.lock:
            current = [] if self.current is None else [self.current]
            return [*self.filled, *current]

    @property
    def filling(self) -> bool:
        """Has what waits, of all who share the folder, come to be a good part of the bound?"""
        return self.used() - len(self.spares) * self.segment_bytes > self.size * FULL

    def used(self) -> int:
        """Bytes of all segments, of whoever."""
        with os.scandir(self.folder) as found:
            return sum(one.stat().st_size for one in found if one.name.endswith(SEGMENT))

    def prepare(self, most: int = SPARES) -> None:
        """Have spares ready as bound and disk allow; `failure` says what does not."""
        try:
            if self.owner is None and not self.closed:
                self.take(Owner.create(self.folder, self.name, self.about))
            while len(self.spares) < min(most, self.most_spares) and not self.closed:
                segment = self.made()
                if segment is None:
                    return
                self.take(segment)
            self.failure = ""
        except OSError as error:
            self.failure = error.strerror or type(error).__name__

    def take(self, made: Owner | Segment) -> None:
        """Something new; nobody needs it any more where the spool was closed meanwhile."""
        with self.lock:
            if self.closed:
                made.delete()
            elif isinstance(made, Segment):
                self.spares.append(made)
            else:
                made.dropped = self.dropped
                self.owner = made

    def made(self) -> Segment | None:
        """A new segment, if the bound allows; processes that share the folder ask in turn."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.used() + self.segment_bytes > self.size:
                self.failure = "the spool is full"
                return None
            path = self.folder / f"{self.name}.{next(self.numbers):06}{SEGMENT}"
            return Segment.create(path, self.segment_bytes)
        except (BlockingIOError, FileNotFoundError):
            return None  # another one makes or deletes one just now: the next turn is ours
        finally:
            os.close(descriptor)

    def release(self, segment: Segment) -> None:
        """A filled segment of this process: where it is empty now, used again or deleted."""
        with self.lock:
            if segment is self.current or not segment.empty:
                return
            if len(self.spares) < self.most_spares:
                segment.reset()
                self.filled.remove(segment)
                self.spares.append(segment)
                return
            self.filled.remove(segment)
        segment.delete()

    def adopt(self) -> None:
        """Take over what dead processes have left; what can't be read of it is counted."""
        if self.closed:
            return
        for path in self.folder.glob("*.draft"):
            if (draft := Owner.adopt(path)) is not None:
                draft.delete()
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            if path.name == f"{self.name}{SUFFIX}" or (owner := Owner.adopt(path)) is None:
                continue
            try:
                self.adopted.append(Estate(owner, self.left_by(owner)))
            except OSError:
                owner.close()
                raise

    def left_by(self, owner: Owner) -> list[Segment]:
        segments = []
        for path in sorted(self.folder.glob(f"{owner.name}.*{SEGMENT}")):
            if (segment := Segment.open(path)) is None:
                path.unlink(missing_ok=True)
            else:
                segments.append(segment)
        return segments

    def close(self) -> None:
        """Leave what waits to whoever comes next; delete what holds nothing."""
        with self.lock:
            self.closed = True
            segments = [*self.filled, *self.spares, *([self.current] if self.current else [])]
            owner, self.owner, self.current = self.owner, None, None
            self.filled.clear()
            self.spares.clear()
        kept = [segment for segment in segments if not segment.empty]
        for segment in segments:
            segment.close() if segment in kept else segment.delete()
        if owner is not None:
            owner.close() if kept or self.dropped > self.told else owner.delete()
        for estate in self.adopted:
            for segment in estate.segments:
                segment.close()
            estate.owner.close()
        self.adopted.clear()
