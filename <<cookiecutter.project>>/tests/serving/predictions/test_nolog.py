"""Where nothing is kept, predictions have ids all the same."""

import inspect

from serving.predictions.log import Log
from serving.predictions.nolog import NoLog


def test_ids_are_fresh() -> None:
    one, other = NoLog(), NoLog()

    taken = [*one.take(2), *one.take(1), *other.take(2)]

    assert len(set(taken)) == 5


def test_it_can_be_asked_all_that_a_log_can() -> None:
    ours = {name for name, _ in inspect.getmembers(NoLog, inspect.isfunction)}
    theirs = {name for name, _ in inspect.getmembers(Log, inspect.isfunction)}

    assert ours - {"__init__"} <= theirs
    for name in ours - {"__init__"}:
        assert inspect.signature(getattr(NoLog, name)) == inspect.signature(getattr(Log, name))
    log = NoLog()
    assert (log.keeps, log.waiting, log.dropped) == (False, 0, 0)
