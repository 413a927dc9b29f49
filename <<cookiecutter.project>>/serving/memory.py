"""How a service allocates."""

import ctypes

M_ARENA_MAX = -8  # malloc.h of glibc


def one_heap() -> None:
    """Let all threads allocate in one place: they take turns anyway, and leave fewer holes.

    Where another library allocates, it does as it likes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
