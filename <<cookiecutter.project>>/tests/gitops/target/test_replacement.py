"""What every kind of target keeps: releases are replaced under clients, and no request fails."""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gitops.settings import Refused
from pipeline import files
from tests.gitops.deploying import FIRST, SECOND, deploy, number
from tests.gitops.target.kinds import Given, Kind, left
from tests.serving import bundles
from tests.serving.load import Load

UP = "dev: the service does not come up: it ended: "


def test_nothing_runs_at_first(kind: Kind, target: Any) -> None:
    assert target.running() is None
    assert target.current() is None
    target.stop()
    assert kind.numbers(target) == []


def test_a_deployment_says_what_it_is(deployed: Any, first: Given) -> None:
    running = deployed.running()

    assert running
    assert (running.tree, running.environment, running.number) == (FIRST, "dev", 1)
    assert running.model_sha256 == bundles.digest(first.bundle / files.ONNX)
    assert running.files == json.loads((first.bundle / "release.json").read_text())["files"]
    assert running.image == first.image


def test_what_was_not_started_is_not_switched_in(deployed: Any) -> None:
    with pytest.raises(Refused, match="dev: deployment 2 is not up"):
        deployed.switch(2)

    assert number(deployed) == 1


def tampered(bundle: Path) -> None:
    path = bundle / files.ONNX
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def mistaken(bundle: Path) -> None:
    """A service whose features are others than those of the training."""
    path = bundle / "pipeline/features.py"
    path.write_text(path.read_text().replace("2013.0 - built", "built"))


def speechless(bundle: Path) -> None:
    (bundle / "serving/start.py").write_text("1 / 0\n")


@pytest.mark.parametrize(
    ("breaking", "message", "logged"),
    [
        (tampered, rf"{UP}.*models/model\.onnx: not the file of this release", "models/model.onnx"),
        (mistaken, r"row \d+ of reports/examples\.json differs by 0\.\d+", ""),
        (speechless, f"{UP}ZeroDivisionError", "serving/start.py"),
    ],
    ids=["tampered", "mistaken", "speechless"],
)
def test_a_broken_release_never_takes_over_and_no_request_fails(
    kind: Kind,
    deployed: Any,
    bundle: Path,
    tmp_path: Path,
    row: dict[str, Any],
    breaking: Callable[[Path], None],
    message: str,
    logged: str,
) -> None:
    broken = kind.made(bundle, tmp_path / "broken", SECOND, breaking)
    load = Load(deployed.url, row)

    with load.constant():
        with pytest.raises(Refused, match=message):
            deploy(deployed, 2, *broken)
        load.go_on()

    assert load.failures == []
    assert set(load.releases) == {FIRST}
    left(kind, deployed, 1)
    assert number(deployed) == 1
    assert deployed.drift() == []
    assert logged in (deployed.folder / "2/service.log").read_text()


def test_one_that_is_not_ready_in_time_is_ended(kind: Kind, bundle: Path, tmp_path: Path) -> None:
    def slow(folder: Path) -> None:
        (folder / "serving/start.py").write_text("import time\ntime.sleep(600)\n")

    broken = kind.made(bundle, tmp_path / "slow", SECOND, slow)
    with kind.target(tmp_path, start_seconds=2.0) as target:
        with pytest.raises(Refused, match=r"it is not ready after 2 s, its limit start_seconds"):
            target.start(1, *broken)

        assert kind.numbers(target) == []


def test_a_replacement_under_constant_requests_fails_none(
    kind: Kind, target: Any, first: Given, second: Given, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    load = Load(target.url, row)

    with load.constant():
        for number_, which in ((2, first), (3, second)):
            deploy(target, number_, *which)
            load.go_on()
        left(kind, target, 3)

    assert load.failures == []
    assert (load.releases[0], load.releases[-1]) == (FIRST, SECOND)
    assert target.drift() == []


def test_the_former_answers_what_is_under_way_and_ends(
    kind: Kind, target: Any, first: Given, second: Given, row: dict[str, Any]
) -> None:
    deploy(target, 1, *first)
    body, parts = json.dumps({"rows": [row]}).encode(), urlsplit(target.url)
    client = socket.create_connection((parts.hostname, parts.port), timeout=bundles.SECONDS)
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    client.sendall(head + body[:100])
    assert number(target) == 1  # so whoever answers has read that too
    target.start(2, *second)

    switching = threading.Thread(target=target.switch, args=(2,))
    switching.start()
    bundles.until(lambda: number(target) == 2)
    assert 1 in kind.numbers(target)
    with client:
        client.sendall(body[100:])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    switching.join(bundles.SECONDS)

    assert answer.startswith(b"HTTP/1.1 200")
    assert FIRST.encode() in answer
    left(kind, target, 2)


def test_the_logs_of_the_last_deployments_are_kept(target: Any, first: Given) -> None:
    for number_ in range(1, 9):
        (target.folder / str(number_)).mkdir(parents=True)

    deploy(target, 9, *first)

    kept = {int(path.name) for path in target.folder.glob("[0-9]*")}
    assert kept - {9} == {4, 5, 6, 7, 8}
