"""Whatever comes, the service answers by its contract, says so in its own words, and lives.

FUZZ=100000 pytest -rP tests/serving/test_fuzz.py     # so many requests; SEED=n: those of a run
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import polars as pl
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.serving import bundles
from tests.serving.fuzzing import Fuzz
from tests.serving.oracle import Oracle
from tests.serving.rows.test_contract import ONE
from tests.serving.running import REQUEST_KB, ROWS, Running, running, source  # noqa: F401

COUNT = int(os.environ.get("FUZZ") or 3000)
SEED = int(os.environ.get("SEED") or time.time())
CASES = COUNT // 100 if COUNT < 20_000 else 200  # of each route, and of right and wrong data each
# Megabytes that the process may hold more at the end than when it had seen a tenth of all: pages
# of the prediction log that are mapped, and what the allocator keeps of the largest requests.
MORE_MB = 32
# JSON Schema takes 1.0 for a whole number, and has no word for a key that stands in two rows: what
# is right is asked of the oracle.
OTHERWISE: list[Any] = [positive_data_acceptance]
EVERY = list(HealthCheck)  # of hypothesis itself: its data is not ours to make small


@pytest.fixture
def oracle(bundle: Path) -> Oracle:
    return Oracle(ONE, "id", ROWS, bundles.examples(bundle)[0]["row"])


def test_mutations_are_answered_by_the_contract(
    running: Running,  # noqa: F811
    bundle: Path,
    raw: pl.DataFrame,
    oracle: Oracle,
) -> None:
    fuzz = Fuzz(running.url, source(raw, SEED), oracle, REQUEST_KB * 1024)
    fuzz.run(COUNT // 10)
    before = running.resident()
    started = time.monotonic()
    fuzz.run(COUNT - COUNT // 10)
    seconds, after = time.monotonic() - started, running.resident()
    print(f"SEED={SEED}: {COUNT} requests, {COUNT * 0.9 / seconds:.0f} a second")
    print(f"memory: {before:.0f} MB after a tenth of them, {after:.0f} MB at the end")
    print(fuzz.report())

    assert not fuzz.wrong, f"SEED={SEED}: {len(fuzz.wrong)}:\n" + "\n".join(fuzz.wrong[:10])
    assert after - before <= MORE_MB
    assert fuzz.predicted > COUNT / 10  # many are right after all
    assert running.silent()
    verified = subprocess.run(
        [sys.executable, "-B", "-m", "serving.verify", running.url],
        cwd=bundle,
        capture_output=True,
        text=True,
        check=False,
        timeout=bundles.SECONDS,
    )
    assert verified.returncode == 0, verified.stderr


def asked(operation: Any, mode: GenerationMode, look: Callable[[Case[Any]], None]) -> None:
    """Look at questions to one route, made from the document."""

    @hypothesis.seed(SEED)
    @hypothesis.settings(max_examples=CASES, phases=[Phase.generate], suppress_health_check=EVERY)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        look(case)

    ask()


def test_its_own_document_says_how_it_answers(running: Running, oracle: Oracle) -> None:  # noqa: F811
    document = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    seen = Counter[tuple[str, str, int]]()

    def look(case: Case[Any]) -> None:
        answer = case.call(timeout=bundles.SECONDS)
        mode = case.meta.generation.mode.value if case.meta else ""
        seen[case.operation.label, mode, answer.status_code] += 1
        # That too much is refused by 413, it does not know.
        excluded = [*OTHERWISE, *([negative_data_rejection] if answer.status_code == 413 else [])]
        case.validate_response(answer, excluded_checks=excluded)
        body = answer.request.body
        if case.path in ("/predict", "/invocations") and isinstance(body, bytes):
            kind = answer.request.headers.get("content-type")
            rows = oracle.rows(case.path, body) if kind == "application/json" else None
            right = rows is not None and oracle.unique(rows) and not any(oracle.broken(rows))
            assert right == (answer.status_code == 200), body

    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        # A question that has nothing in it can't be wrong.
        for mode in GenerationMode if operation.body else [GenerationMode.POSITIVE]:
            asked(operation, mode, look)
    print(f"SEED={SEED}")
    for (label, said, status), count in sorted(seen.items()):
        print(f"{label:24}{said:10}{status:5}{count:8}")

    assert running.silent()
    assert {label for label, _, _ in seen} >= {"POST /predict", "POST /feedback", "GET /metrics"}
    for status in (200, 400, 422):
        assert any(found == status for label, _, found in seen if label == "POST /predict")
