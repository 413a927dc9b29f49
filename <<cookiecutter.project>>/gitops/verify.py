"""Is it what it should be? A service is believed for its answers, not for being up."""

import json
import math
import time
from pathlib import Path
from typing import Any

from gitops.bundle import EXAMPLES, MANIFEST
from gitops.records import Evidence
from gitops.settings import Refused
from gitops.targets.client import ask

READY_SECONDS = 5  # its target has waited for it already: one that is not ready now has ended
PAUSE = 0.05  # seconds between two looks
SECONDS = 10  # for one answer: a hundred times what it takes
TOLERANCE = 1e-6  # float32 sums in another order, on another machine, differ by less
PORTION = 20  # rows of one request: a few KB, below any sensible limit


def verify(url: str, tree: str, bundle: Path) -> Evidence:
    """Compare what answers at `url` with the bundle of a release.

    Raises:
        Refused: it is not ready, serves something else, or answers otherwise than the evaluation.
    """
    expected = {"tree": tree} | manifest(bundle / MANIFEST)
    rows, recorded = examples(bundle / EXAMPLES)
    ready(url)
    told = ask(url, "/release?prove", seconds=SECONDS)
    for key, right in expected.items():
        found = told.get(key) if isinstance(told, dict) else None
        if found != right:
            raise Refused(f"{url}: its {key} is {short(found)}, not {short(right)}")
    return Evidence(
        release=told["tree"],
        model_sha256=told["model_sha256"],
        rows=len(rows),
        difference=largest(recorded, answers(url, rows)),
    )


def manifest(path: Path) -> dict[str, Any]:
    found = read(path)
    try:
        return {key: found[key] for key in ("model_sha256", "files")}
    except (KeyError, TypeError):
        raise Refused(f"{path}: no manifest of a release; the release is damaged") from None


def examples(path: Path) -> tuple[list[object], list[float]]:
    """Rows as clients send them, and the recorded prediction of each."""
    found = read(path)
    try:
        rows = [example["row"] for example in found]
        recorded = [float(example["prediction"]) for example in found]
    except (KeyError, TypeError, ValueError):
        raise Refused(f"{path}: no examples of a release; the release is damaged") from None
    if not rows:
        raise Refused(f"{path}: holds no rows; nothing can be compared")
    return rows, recorded


def read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise Refused(f"{path}: not there; the release is not whole") from None
    except ValueError:
        raise Refused(f"{path}: not JSON; the release is damaged") from None


def ready(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            ask(url, "/health/ready", seconds=SECONDS)
        except Refused as refusal:
            if time.monotonic() > deadline:
                raise Refused(f"not ready after {READY_SECONDS} s: {refusal}") from None
            time.sleep(PAUSE)
        else:
            return


def answers(url: str, rows: list[object]) -> list[float]:
    """What the service predicts for rows, asked for in portions."""
    said: list[float] = []
    for start in range(0, len(rows), PORTION):
        part = rows[start : start + PORTION]
        answer = ask(url, "/predict", {"rows": part}, seconds=SECONDS)
        try:
            found = [float(one) for one in answer["predictions"]]
        except (KeyError, TypeError, ValueError):
            found = []
        if len(found) != len(part):
            raise Refused(f"{url}/predict: not one prediction for each row")
        said += found
    return said


def largest(recorded: list[float], said: list[float]) -> float:
    """The largest difference between an answer and what was recorded.

    Raises:
        Refused: it is too large; the row is named by its place in the file.
    """
    differences = [abs(one - other) for one, other in zip(said, recorded, strict=True)]
    # What is no number is further away than any.
    worst = max(differences, key=lambda one: math.inf if math.isnan(one) else one)
    if not worst <= TOLERANCE:
        raise Refused(
            f"answers are not those of the evaluation: row {differences.index(worst)} of "
            f"{EXAMPLES} differs by {worst:.3g}, and {TOLERANCE:.0e} is allowed"
        )
    return worst


def short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
