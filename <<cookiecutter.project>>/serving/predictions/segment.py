"""A file of records that outlive their process: preallocated, appended in memory, mapped to read.

What is written belongs to the kernel, so a killed process takes none of it along. Records are
written, unless they are short: to copy them into the map takes six times as long, for each page is
given to the process first.
"""

import mmap
import os
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

HEADER = struct.Struct("<8sQQQQ")  # magic, end, rows, drained, rows drained
END = struct.Struct("<QQ")  # two of them, written at one of these places
AT_END, AT_DRAINED = 8, 24
START = 64  # the header, rounded up
FRAME = struct.Struct("<IIII")  # bytes, crc32, rows, kind
MAGIC = b"segment1"
PAGE = 4096


@dataclass(frozen=True)
class Batch:
    """Records in the order of their appending, and where the next ones begin."""

    records: list[tuple[int, int, bytes]]  # kind, rows and content
    rows: int
    end: int
    damaged: bool = False  # nothing behind `end` can be read


class Segment:
    """One process appends, one reads; both may be the same. No method waits for the other."""

    def __init__(self, path: Path, mapped: mmap.mmap, header: tuple[int, int, int, int]) -> None:
        self.path, self.map, self.size = path, mapped, len(mapped)
        self.descriptor = -1  # to write; open while it may be appended to
        self.end, self.rows, self.drained, self.drained_rows = header
        self.since = time.monotonic()  # when it was begun, or found: no record waits here longer

    @classmethod
    def create(cls, path: Path, size: int) -> Self:
        """A file with all its blocks: a full disk shows here, and not when appending.

        Raises:
            OSError: there is no room for it; nothing is left behind.
        """
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            segment = cls(path, mmap.mmap(descriptor, size), (START, 0, START, 0))
            segment.reset()
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        return segment

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """What a dead process has left; None where it left no segment.

        Raises:
            OSError: the file can't be mapped.
        """
        descriptor = os.open(path, os.O_RDWR)
        try:
            if os.fstat(descriptor).st_size < START:
                return None
            mapped = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
        magic, end, rows, drained, drained_rows = HEADER.unpack_from(mapped)
        if magic == bytes(len(MAGIC)):
            mapped.close()
            return None  # its process died before it was ready
        if magic != MAGIC:
            end, rows, drained, drained_rows = len(mapped), 0, START, 0  # the records may be whole
        return cls(path, mapped, (end, rows, max(START, drained), drained_rows))

    @property
    def waiting(self) -> int:
        """Rows that are not drained yet."""
        return max(0, self.rows - self.drained_rows)

    @property
    def empty(self) -> bool:
        return self.drained >= self.end

    def append(self, kind: int, record: bytes, rows: int) -> bool:
        """False where there is no room. The header is told last: a record is there, or is not.

        Raises:
            OSError: it can't be written; no record is lost by it but this one.
        """
        frame = FRAME.pack(len(record), zlib.crc32(record), rows, kind)
        size = len(frame) + len(record)
        end = self.end + size
        if end > self.size:
            return False
        if size < PAGE:
            self.map[self.end : end] = frame + record
        elif os.pwritev(self.descriptor, (frame, record), self.end) < size:
            return False
        self.rows += rows
        END.pack_into(self.map, AT_END, end, self.rows)
        self.end = end
        return True

    def read(self, most: int) -> Batch:
        """The records after those that are drained: of so many bytes, or one that is larger."""
        records: list[tuple[int, int, bytes]] = []
        rows, at, end = 0, self.drained, self.end
        stop = at + most
        while at < end and at < stop:
            content = at + FRAME.size
            if content > min(end, self.size):
                return Batch(records, rows, at, damaged=True)
            size, checksum, count, kind = FRAME.unpack_from(self.map, at)
            record = self.map[content : content + size]
            if size == 0 or content + size > end or zlib.crc32(record) != checksum:
                return Batch(records, rows, at, damaged=True)
            records.append((kind, count, record))
            rows += count
            at = content + size
        return Batch(records, rows, at)

    def mark(self, batch: Batch) -> None:
        """These are in safety: no later reader sees them."""
        self.drained, self.drained_rows = batch.end, self.drained_rows + batch.rows
        END.pack_into(self.map, AT_DRAINED, self.drained, self.drained_rows)

    def give_up(self) -> int:
        """Read no further; how many rows are lost by it."""
        lost = self.waiting
        self.mark(Batch([], lost, max(self.end, self.drained)))
        return lost

    def fold(self) -> None:
        """Append no more, and take none of this process's memory until it is read."""
        self.map.madvise(mmap.MADV_DONTNEED)  # of a file, not of memory that is ours alone
        self.shut()

    def shut(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def reset(self) -> None:
        """Begin anew, on the same blocks of the disk.

        Raises:
            OSError: the file can't be opened; nothing is changed.
        """
        descriptor = os.open(self.path, os.O_WRONLY)
        self.fold()
        self.descriptor = descriptor
        self.end, self.rows, self.drained, self.drained_rows = START, 0, START, 0
        HEADER.pack_into(self.map, 0, MAGIC, START, 0, START, 0)

    def close(self) -> None:
        self.shut()
        self.map.close()

    def delete(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)
