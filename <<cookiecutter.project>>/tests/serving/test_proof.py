"""A model that answers otherwise than it was judged is not served."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline import files
from pipeline.stage import StageError
from serving import model, proof, release
from serving.model import Predictor
from serving.release import Release
from serving.rows.contract import Contract


@pytest.fixture
def held(bundle: Path) -> Release:
    return release.read(bundle)


@pytest.fixture
def contract(held: Release) -> Contract:
    return Contract(held.json(files.CONTRACT))


@pytest.fixture
def predictor(held: Release) -> Predictor:
    return model.load(held)


@pytest.fixture
def known(held: Release) -> list[dict[str, Any]]:
    return proof.examples(held)


def test_the_model_of_a_release_answers_its_examples(
    known: list[dict[str, Any]], contract: Contract, predictor: Predictor
) -> None:
    proof.check(known, contract, predictor)

    assert len(known) > 100


@pytest.mark.parametrize("difference", [2e-6, -0.5, float("nan")])
def test_one_that_answers_otherwise_is_refused(
    known: list[dict[str, Any]], contract: Contract, predictor: Predictor, difference: float
) -> None:
    known[3]["prediction"] += difference

    with pytest.raises(StageError, match=r"row 3 of reports/examples\.json differs by"):
        proof.check(known, contract, predictor)


def test_examples_that_break_the_contract_are_refused(
    known: list[dict[str, Any]], contract: Contract, predictor: Predictor
) -> None:
    known[3]["row"]["distance"] = -1

    with pytest.raises(StageError, match=r"^reports/examples\.json: distance: "):
        proof.check(known, contract, predictor)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("[]", "holds no rows"),
        ("{", "no examples"),
        ("{}", "holds no rows"),
        ("[1]", "no examples"),
        ('[{"row": {}}]', "no examples"),
    ],
)
def test_what_are_no_examples_is_refused(held: Release, said: str, message: str) -> None:
    held.others[str(files.EXAMPLES)] = said.encode()

    with pytest.raises(StageError, match=message):
        proof.examples(held)


def test_a_release_without_examples_is_refused(held: Release) -> None:
    del held.others[str(files.EXAMPLES)]

    with pytest.raises(StageError, match=r"names no reports/examples\.json"):
        proof.examples(held)


def test_the_rows_are_those_that_were_recorded(held: Release, contract: Contract) -> None:
    known = proof.examples(held)
    (first, *_) = contract.kept(proof.rows(known, contract))

    assert json.loads(msgspec.json.encode(first)).items() <= known[0]["row"].items()
