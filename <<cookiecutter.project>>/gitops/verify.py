"""Is it what it should be? A service is believed for its answers, not for being up."""

import json
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gitops.bundle import MANIFEST, run
from gitops.records import Evidence
from gitops.settings import Refused
from gitops.targets.client import ask

READY_SECONDS = 5  # its target has waited for it already: one that is not ready now has ended
PAUSE = 0.05  # seconds between two looks
SECONDS = 10  # for one answer: a hundred times what it takes
COMPARED_SECONDS = 60  # for two hundred answers: they take less than one
COMPARE = "serving.verify"  # the release's own command: it knows how its service is asked


def verify(url: str, tree: str, bundle: Path) -> Evidence:
    """Compare what answers at `url` with the bundle of a release.

    Raises:
        Refused: it is not ready, serves something else, or answers otherwise than the evaluation.
    """
    expected = {"tree": tree} | manifest(bundle / MANIFEST)
    ready(url)
    told = ask(url, "/release?prove", seconds=SECONDS)
    same(url, expected, told)
    seen = compared(url, bundle)
    # Who answered may be another than who told.
    same(url, expected, {**expected, "tree": seen.release, "model_sha256": seen.model_sha256})
    return seen


def same(url: str, expected: dict[str, Any], told: Any) -> None:
    for key, right in expected.items():
        found = told.get(key) if isinstance(told, dict) else None
        if found != right:
            raise Refused(f"{url}: its {key} is {short(found)}, not {short(right)}")


def compared(url: str, bundle: Path) -> Evidence:
    """What the release's own command saw of the answers to its examples.

    Raises:
        Refused: they are not those of the evaluation, as the command says.
    """
    done = run(bundle, COMPARE, url, seconds=COMPARED_SECONDS)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"{COMPARE} ended with {done.returncode}"]
        raise Refused(lines[-1].removeprefix(f"{COMPARE}: error: "))
    try:
        return Evidence.model_validate_json(done.stdout)
    except ValidationError:
        raise Refused(f"{COMPARE}: says no evidence; the release is damaged") from None


def manifest(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        return {key: found[key] for key in ("model_sha256", "files")}
    except FileNotFoundError:
        raise Refused(f"{path}: not there; the release is not whole") from None
    except ValueError:
        raise Refused(f"{path}: not JSON; the release is damaged") from None
    except (KeyError, TypeError):
        raise Refused(f"{path}: no manifest of a release; the release is damaged") from None


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


def short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
