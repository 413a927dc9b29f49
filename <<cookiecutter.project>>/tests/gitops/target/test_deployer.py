"""What every kind of target keeps from its deployers: late ones, killed ones, and two at once."""

import os
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from gitops.settings import Refused
from tests.gitops.deploying import deploy, number
from tests.gitops.target.kinds import Given, Kind, left
from tests.projects import ROOT
from tests.serving import bundles
from tests.serving.load import Load

SEED = int(os.environ.get("SEED", "6"))  # the instants of one run are those of the next
DEPLOYER = """
import sys
from pathlib import Path
from gitops import environment

_, home, root, project, address, number, bundle, *image = sys.argv
dev = environment.read(Path(root) / "environments")["dev"]
dev = dev.model_copy(update={"address": address})
%s
target.start(int(number), Path(bundle), *image)
target.switch(int(number))
"""


def test_a_late_worker_changes_nothing(
    kind: Kind, target: Any, first: Given, second: Given
) -> None:
    target.start(1, *first)
    target.start(2, *second)
    late = kind.again(target)
    target.switch(2)

    with pytest.raises(Refused, match="dev: deployment 1 is superseded by 2"):
        late.switch(1)
    with pytest.raises(Refused, match="dev: deployment 1 is superseded by 2"):
        late.start(1, *first)
    late.discard(1)

    assert number(target) == 2
    left(kind, target, 2)


def test_everything_can_be_said_twice(kind: Kind, target: Any, first: Given, second: Given) -> None:
    assert target.start(1, *first) == target.start(1, *first)
    target.switch(1)
    target.switch(1)
    one = kind.only(target)
    deploy(target, 1, *first)
    assert kind.only(target) == one

    target.start(2, *second)
    target.discard(2)
    target.discard(2)
    assert number(target) == 1
    target.discard(1)
    assert number(target) == 1
    target.stop()
    target.stop()
    assert target.current() is None
    assert number(target) is None


def test_an_interrupted_switch_is_finished(
    kind: Kind, target: Any, first: Given, second: Given
) -> None:
    deploy(target, 1, *first)
    target.start(2, *second)
    kind.lead(target, 2)  # and here the deployer was killed
    assert kind.numbers(target) == [1, 2]

    deploy(target, 2, *second)

    assert number(target) == 2
    left(kind, target, 2)


def test_what_a_killed_deployer_left_behind_is_ended(
    kind: Kind, target: Any, first: Given, second: Given
) -> None:
    deploy(target, 1, *first)
    target.start(2, *second)  # and here the deployer was killed

    target.start(3, *second)

    left(kind, target, 1, 3)
    assert number(target) == 1


def killed(kind: Kind, target: Any, number: int, given: Given, after: float) -> None:
    """End a deployer of another process after some seconds, with all that works for it.

    That is terraform and its provider, which are of its session; services are of their own.
    """
    words = [*kind.told(target), target.environment.address, str(number), str(given.bundle)]
    deployer = subprocess.Popen(
        [sys.executable, "-B", "-c", DEPLOYER % kind.code, *words, *filter(None, [given.image])],
        cwd=ROOT,
        start_new_session=True,
    )
    time.sleep(after)
    for one in psutil.Process(deployer.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(one.pid) == deployer.pid:
                one.kill()
    deployer.kill()
    deployer.wait(bundles.SECONDS)


def test_one_killed_at_any_instant_leaves_what_the_next_one_finishes(
    kind: Kind, target: Any, first: Given, second: Given, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    load, chance = Load(target.url, row), random.Random(SEED)  # noqa: S311
    instants = int(os.environ.get("INSTANTS", kind.instants))
    with load.constant():
        for number_ in range(2, 2 + instants):
            which = (first, second)[number_ % 2]
            killed(kind, target, number_, which, after=chance.uniform(0, kind.latest))
            deploy(target, number_, *which)
            assert number(target) == number_
            left(kind, target, number_)
            assert target.drift() == []

    assert load.failures == []


def test_one_killed_at_the_first_deployment_leaves_what_the_next_one_finishes(
    kind: Kind, target: Any, first: Given
) -> None:
    for share in (0.3, 0.4):
        killed(kind, target, 1, first, after=share * kind.latest)

    deploy(target, 1, *first)

    assert number(target) == 1
    assert target.drift() == []


def test_two_deployers_at_once_end_with_the_newer(
    kind: Kind, target: Any, first: Given, second: Given, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    load = Load(target.url, row)
    refusals: list[str] = []

    def deployer(number: int) -> None:
        try:
            deploy(kind.again(target), number, *second)
        except Refused as refusal:
            refusals.append(str(refusal))

    with load.constant():
        threads = [threading.Thread(target=deployer, args=(number,)) for number in (2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(4 * bundles.SECONDS)  # one waits for the other
        left(kind, target, 3)

    assert load.failures == []
    # The older one may have been in time, may be late, or is ended while it is verified.
    assert len(refusals) <= 1
    assert number(target) == 3
