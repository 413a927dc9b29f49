"""All threads of a service allocate in one heap."""

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


def heaps(*words: str) -> int:
    command = [sys.executable, "-c", THREADS, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc says it")
def test_threads_share_a_heap() -> None:
    assert heaps() > 1
    assert heaps("one") == 1
