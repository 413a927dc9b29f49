"""`python -m serving.verify URL` asks a running service, and says in one line what it saw."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import files
from tests.gitops.server import LOST, Answer, serve
from tests.serving import bundles

TREE = "a" * 40


@pytest.fixture(scope="module")
def url(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    worker = bundles.served(bundle, tmp_path_factory.mktemp("service"))
    yield worker.state(bundles.SECONDS).url
    bundles.end(worker)


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return bundles.copy_of(bundle, tmp_path / "bundle", TREE)


def run(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-m", "serving.verify", *words],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=bundles.SECONDS,
    )


def refused(folder: Path, *words: str, **env: str) -> str:
    """The one line that it ends with."""
    done = run(folder, *words, **env)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line.removeprefix("serving.verify: error: ")


def test_it_says_what_it_saw(url: str, bundle: Path) -> None:
    done = run(bundle, url)

    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    seen = json.loads(line)
    assert 0 <= seen.pop("difference") <= 1e-6
    sha256 = bundles.digest(bundle / files.ONNX)
    assert seen == {"release": TREE, "model_sha256": sha256, "rows": 200}


def test_the_release_may_lie_elsewhere(url: str, copy: Path) -> None:
    known = bundles.examples(copy)
    known[7]["prediction"] += 0.25
    (copy / files.EXAMPLES).write_text(json.dumps(known))

    said = refused(copy.parent, url, "--bundle", "bundle", PYTHONPATH=str(copy))

    assert said == (
        "answers are not those of the evaluation: row 7 of reports/examples.json differs by 0.25, "
        "and 1e-06 is allowed"
    )


def test_it_needs_nothing_but_python(bundle: Path) -> None:
    code = "import sys; sys.path.append(sys.argv[1]); import serving.verify"
    done = subprocess.run(
        [sys.executable, "-B", "-I", "-S", "-c", code, bundle],
        capture_output=True,
        text=True,
        check=False,
        timeout=bundles.SECONDS,
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_without_examples_is_one_line(copy: Path) -> None:
    (copy / files.EXAMPLES).unlink()

    assert refused(copy, "http://127.0.0.1:1") == (
        "reports/examples.json: not there; the release is not whole"
    )


@pytest.mark.parametrize(
    "wrong", ["", "127.0.0.1:80", "ftp://host", "http://", "http://h:x", "http://[", "http://h:0"]
)
def test_what_is_no_address_is_one_line(bundle: Path, wrong: str) -> None:
    assert "no address of a service" in refused(bundle, wrong)


def answer(bundle: Path, start: int, **changes: Any) -> Answer:
    right = [example["prediction"] for example in bundles.examples(bundle)]
    said = {"release": TREE, "model": "0" * 64, "predictions": right[start : start + 20]}
    return Answer(body=said | changes)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (LOST, r"/predict: no answer ("),
        (Answer(503, {"errors": []}), '/predict: answers 503: {"errors": []}'),
        (Answer(302, headers={"location": "http://elsewhere"}), "/predict: answers 302: "),
        (Answer(body="<html>"), "/predict: its answer is not JSON"),
        (Answer(body=[]), "/predict: not one prediction for each row"),
        (Answer(body={"predictions": [0.5]}), "/predict: not one prediction for each row"),
        (Answer(body={"predictions": [[0.5]] * 20}), "/predict: not one prediction for each row"),
    ],
)
def test_what_is_no_answer_is_one_line(bundle: Path, first: Answer, message: str) -> None:
    with serve(first) as server:
        assert message in refused(bundle, server.url)
    assert len(server.asked) == 1


def test_one_that_is_replaced_meanwhile_is_not_believed(bundle: Path) -> None:
    told = [answer(bundle, start) for start in range(0, 180, 20)]
    with serve(*told, answer(bundle, 180, release="b" * 40)) as server:
        assert "was replaced while it answered" in refused(bundle, server.url)


def test_a_key_is_shown_and_never_said(bundle: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"XSECRETX").hexdigest()
    (tmp_path / "keys").write_text(f"me {digest}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_KEYS_FILE", str(tmp_path / "keys"))
        worker = bundles.served(bundle, tmp_path / "service")
    try:
        asking = worker.state(bundles.SECONDS).url
        assert "/predict: answers 401: " in refused(bundle, asking)
        assert run(bundle, asking, API_KEY="XSECRETX\n").returncode == 0  # pragma: allowlist secret
        for wrong in ("XSECRETX\nb", "XSECRETXé"):
            assert "SECRET" not in refused(bundle, asking, API_KEY=wrong)
    finally:
        bundles.end(worker)


def test_a_path_before_the_service_s_own_is_kept(bundle: Path) -> None:
    told = [answer(bundle, start) for start in range(0, 200, 20)]
    with serve(*told) as server:
        assert run(bundle, f"{server.url}/flights/").returncode == 0
    assert set(server.lines) == {"POST /flights/predict"}
