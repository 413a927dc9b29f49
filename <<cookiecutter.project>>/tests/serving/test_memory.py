"""All threads of a service allocate in one heap, which keeps what requests need again."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What glibc says of its heaps, when four threads have asked for memory at one time.
THREADS = """
import ctypes, sys, threading
from serving import memory

if len(sys.argv) > 1:
    memory.one_heap()
libc = ctypes.CDLL(None)
together = threading.Barrier(4)

def ask():
    together.wait()
    libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=ask) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
stdout = ctypes.c_void_p.in_dll(libc, "stdout")
libc.malloc_info(0, stdout)
libc.fflush(stdout)
"""

# How often the kernel is asked for pages while some megabytes are had and given back ten times,
# and how many megabytes of it are left when a hundred were given back from below one in use.
PAGES = """
import ctypes, resource, sys
from pathlib import Path
from serving import memory

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.calloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024**2

def some(count, size):
    found = [libc.malloc(size) for _ in range(count)]
    [libc.memset(one, 1, size) for one in found]
    return found

before = resident()
held = some(1000, 100_000)
last = some(1, 100_000)
[libc.free(one) for one in held]
if len(sys.argv) > 1:
    memory.loaded()
left = resident() - before
for turn in range(11):
    if turn == 1:
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [libc.free(one) for one in some(3, 500_000)]
print(left, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""


def heaps(*words: str) -> int:
    command = [sys.executable, "-c", THREADS, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc says it")
def test_threads_share_a_heap() -> None:
    assert heaps() > 1
    assert heaps("one") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="glibc does it")
def test_what_is_not_needed_is_given_back_once_and_kept_then() -> None:
    def seen(*words: str) -> list[int]:
        command = [sys.executable, "-c", PAGES, *words]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        )
        return [int(word) for word in done.stdout.split()]

    left, _ = seen()
    assert left > 90
    left, faults = seen("loaded")
    assert left < 10
    assert faults < 50  # the pages of one of them are 122
