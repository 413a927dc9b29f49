"""How a service allocates."""

import ctypes

# malloc.h of glibc; where another library allocates, it does as it likes.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# Bytes that a request of some thousand rows takes at a time: its body, its answer, what the log
# keeps of it. To have them of the kernel each time takes a twentieth of its time.
KEPT = 2 * 1024**2


def one_heap() -> None:
    """Let all threads allocate in one place: they take turns anyway, and leave fewer holes."""
    tell("mallopt", M_ARENA_MAX, 1)


def loaded() -> None:
    """Give back what loading has left over; from now on, keep what a request will want again."""
    tell("malloc_trim", 0)
    tell("mallopt", M_TRIM_THRESHOLD, KEPT)
    tell("mallopt", M_MMAP_THRESHOLD, KEPT)


def tell(name: str, *words: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*words)
