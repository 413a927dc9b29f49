"""Names of predictions: a process's own, and a number behind it."""

# The last three digits of a number: a thousand ids share what stands before them, and so take a
# third of the time.
BLOCK = 1000
ENDS = tuple(f"{number:03}" for number in range(BLOCK))


def numbered(name: str, first: int, count: int) -> list[str]:
    """So many ids from this number on, which is no less than a block."""
    if count == 1:
        return [f"{name}{first}"]
    found: list[str] = []
    last = first + count
    while first < last:
        block, place = divmod(first, BLOCK)
        begin, ends = f"{name}{block}", ENDS[place : place + last - first]
        found += [begin + end for end in ends]
        first += len(ends)
    return found
