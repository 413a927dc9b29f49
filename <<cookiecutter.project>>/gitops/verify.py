"""Is it what it should be? A service is believed for its answers, not for being up."""

import json
import math
import time
from pathlib import Path
from typing import Any

from gitops.bundle import EXAMPLES, MANIFEST
from gitops.client import ask
from gitops.records import Evidence
from gitops.settings import Refused

# A target has waited for it already; this is for one that takes connections before it can answer.
READY_SECONDS = 30
PAUSE = 0.05  # seconds between two looks
SECONDS = 10  # for one answer: a hundred times what it takes
TOLERANCE = 1e-6  # float32 sums in another order, on another machine, differ by less
PORTION = 20  # rows of one request: a few KB, below any sensible limit


def verify(url: str, tree: str, bundle: Path) -> Evidence:
    """Compare what answers at `url` with the bundle of a release.

    Raises:
        Refused: it is not ready, serves something else, or answers otherwise than the evaluation.
    """
    manifest, examples = read(bundle / MANIFEST), read(bundle / EXAMPLES)
    ready(url)
    told = ask(url, "/release?prove", seconds=SECONDS)
    expected = {"tree": tree, "model_sha256": manifest["model_sha256"], "files": manifest["files"]}
    for key, right in expected.items():
        if told.get(key) != right:
            raise Refused(f"{url}: its {key} is {short(told.get(key))}, not {short(right)}")
    if not examples:
        raise Refused(f"{bundle / EXAMPLES}: holds no rows; nothing can be compared")
    return Evidence(
        release=told["tree"],
        model_sha256=told["model_sha256"],
        rows=len(examples),
        difference=largest(url, examples),
    )


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


def largest(url: str, examples: list[dict[str, Any]]) -> float:
    """The largest difference between an answer and what was recorded.

    Raises:
        Refused: it is too large; rows are named by their places in the file.
    """
    worst, where = 0.0, 0
    for start in range(0, len(examples), PORTION):
        part = examples[start : start + PORTION]
        rows = [example["row"] for example in part]
        said = ask(url, "/predict", {"rows": rows}, seconds=SECONDS).get("predictions")
        if not isinstance(said, list) or len(said) != len(part):
            raise Refused(f"{url}/predict: not one prediction for each row")
        for place, (answer, example) in enumerate(zip(said, part, strict=True), start):
            difference = abs(float(answer) - example["prediction"])
            if math.isnan(difference) or difference > worst:
                worst, where = difference, place
    if not worst <= TOLERANCE:
        raise Refused(
            f"{url}: its answers are not those of the evaluation: row {where} of {EXAMPLES} "
            f"differs by {worst:.3g}, and {TOLERANCE:.0e} is allowed"
        )
    return worst


def short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
