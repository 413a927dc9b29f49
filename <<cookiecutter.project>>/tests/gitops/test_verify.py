"""A service is believed when it is ready, proves its release, and answers as recorded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops import verify as module
from gitops.records import Evidence
from gitops.settings import Refused
from gitops.verify import verify
from pipeline import files
from tests.gitops.server import Answer, serve
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


def recorded(bundle: Path, examples: Any) -> None:
    (bundle / files.EXAMPLES).write_text(json.dumps(examples))


def test_the_evidence_says_what_was_seen(url: str, bundle: Path) -> None:
    sha256 = bundles.digest(bundle / files.ONNX)

    found = verify(url, TREE, bundle)

    assert found == Evidence(
        release=TREE, model_sha256=sha256, rows=200, difference=found.difference
    )
    assert found.difference is not None
    assert found.difference <= 1e-6


def test_another_release_is_refused(url: str, bundle: Path) -> None:
    with pytest.raises(Refused, match=f'its tree is "{TREE}", not "{"b" * 40}"'):
        verify(url, "b" * 40, bundle)


def test_another_model_is_refused(url: str, copy: Path) -> None:
    with (copy / files.ONNX).open("ab") as file:
        file.write(b" ")
    bundles.seal(copy, TREE)

    with pytest.raises(Refused, match="its model_sha256 is "):
        verify(url, TREE, copy)


def test_other_files_beside_the_same_model_are_refused(url: str, copy: Path) -> None:
    with (copy / files.ENCODINGS).open("ab") as file:
        file.write(b" ")
    bundles.seal(copy, TREE)

    with pytest.raises(Refused, match="its files is "):
        verify(url, TREE, copy)


def test_one_answer_that_differs_is_named_by_its_place_and_not_by_its_row(
    url: str, copy: Path
) -> None:
    known = bundles.examples(copy)
    known[3]["prediction"] += 0.1
    known[17]["prediction"] += 0.25
    recorded(copy, known)

    message = r"row 17 of reports/examples\.json differs by 0\.25, and 1e-06 is allowed"
    with pytest.raises(Refused, match=message) as caught:
        verify(url, TREE, copy)

    assert known[17]["row"]["id"] not in str(caught.value)
    assert str(known[17]["prediction"]) not in str(caught.value)


def test_rounding_is_allowed(url: str, copy: Path) -> None:
    known = bundles.examples(copy)
    for example in known:
        example["prediction"] += 5e-7
    recorded(copy, known)

    assert verify(url, TREE, copy).difference == pytest.approx(5e-7, abs=1e-9)


def test_rows_that_the_service_does_not_take_are_refused(url: str, copy: Path) -> None:
    known = bundles.examples(copy)
    del known[5]["row"]["origin"]
    recorded(copy, known)

    with pytest.raises(Refused, match=r"/predict: answers 422: .*origin.*is missing"):
        verify(url, TREE, copy)


@pytest.mark.parametrize("examples", [{}, [1], [{"row": {}}], [{"prediction": 1}], "text", None])
def test_damaged_examples_are_refused(url: str, copy: Path, examples: Any) -> None:
    recorded(copy, examples)

    with pytest.raises(Refused, match=r"examples\.json: (no examples|holds no rows)"):
        verify(url, TREE, copy)


def test_nothing_to_compare_is_no_evidence(url: str, copy: Path) -> None:
    recorded(copy, [])

    with pytest.raises(Refused, match="holds no rows; nothing can be compared"):
        verify(url, TREE, copy)


@pytest.mark.parametrize(
    ("name", "damage"), [("release.json", "not JSON"), (str(files.EXAMPLES), "no examples")]
)
def test_a_bundle_that_is_not_whole_is_refused(
    url: str, copy: Path, name: str, damage: str
) -> None:
    (copy / name).write_text("{")
    with pytest.raises(Refused, match=f"{name}: {damage}"):
        verify(url, TREE, copy)
    (copy / name).unlink()
    with pytest.raises(Refused, match=f"{name}: not there"):
        verify(url, TREE, copy)


def test_a_manifest_of_something_else_is_refused(url: str, copy: Path) -> None:
    (copy / "release.json").write_text("[]")

    with pytest.raises(Refused, match=r"release\.json: no manifest"):
        verify(url, TREE, copy)


def test_one_that_is_not_there_is_not_ready(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READY_SECONDS", 0.2)

    with pytest.raises(Refused, match=r"not ready after 0\.2 s: .*no answer"):
        verify(f"http://127.0.0.1:{bundles.free_port()}", TREE, bundle)


def story(bundle: Path, *predictions: Any) -> list[Answer]:
    """What one says that tells the right release, and predicts what it likes."""
    manifest = json.loads((bundle / "release.json").read_text())
    return [Answer(body={}), Answer(body=manifest), *(Answer(body=said) for said in predictions)]


def test_one_that_becomes_ready_is_waited_for(bundle: Path) -> None:
    answers = [Answer(503), Answer(503), *story(bundle, {"predictions": []})]
    with serve(*answers) as server, pytest.raises(Refused, match="not one prediction for each row"):
        verify(server.url, TREE, bundle)
    assert server.lines[:4] == ["GET /health/ready"] * 3 + ["GET /release"]


@pytest.mark.parametrize(
    "predictions", [{}, [], {"predictions": [0.5]}, {"predictions": [None] * 20}]
)
def test_answers_that_are_no_predictions_are_refused(bundle: Path, predictions: Any) -> None:
    answers = story(bundle, predictions)
    with serve(*answers) as server, pytest.raises(Refused, match="not one prediction for each row"):
        verify(server.url, TREE, bundle)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 2.0])
def test_a_number_that_can_not_be_right_is_far_away(bundle: Path, wrong: float) -> None:
    answers = story(bundle, *[{"predictions": [0.5] * 19 + [wrong]}] * 10)
    with serve(*answers) as server, pytest.raises(Refused, match=r"row \d*9 of .* differs by"):
        verify(server.url, TREE, bundle)


def test_an_answer_that_is_no_release_is_refused(bundle: Path) -> None:
    with (
        serve(Answer(body={}), Answer(body=[])) as server,
        pytest.raises(Refused, match="its tree is null"),
    ):
        verify(server.url, TREE, bundle)


def test_answers_of_another_than_told_its_release_are_refused(bundle: Path) -> None:
    right = [example["prediction"] for example in bundles.examples(bundle)]
    other = {"release": "b" * 40, "model": bundles.digest(bundle / files.ONNX)}
    portions = [other | {"predictions": right[n : n + 20]} for n in range(0, len(right), 20)]
    with (
        serve(*story(bundle, *portions)) as server,
        pytest.raises(Refused, match=f'its tree is "{"b" * 40}", not "{TREE}"'),
    ):
        verify(server.url, TREE, bundle)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("raise SystemExit('serving.verify: error: as it says')", "^as it says$"),
        ("1 / 0", "^ZeroDivisionError: division by zero$"),
        ("raise SystemExit(3)", "^serving.verify ended with 3$"),
        ("print('{}')", "^serving.verify: says no evidence"),
    ],
)
def test_the_release_s_own_command_compares(
    url: str, copy: Path, command: str, message: str
) -> None:
    (copy / "serving/verify.py").write_text(command)

    with pytest.raises(Refused, match=message):
        verify(url, TREE, copy)
