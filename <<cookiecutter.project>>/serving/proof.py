"""A model is believed for its answers: those to rows whose right answers are known."""

import json
import math
from pathlib import Path
from typing import Any

import msgspec

from pipeline.stage import StageError
from serving.contract import Contract
from serving.model import Predictor
from serving.reader import JSON, Reader
from serving.refusal import Refusal
from serving.release import Release

EXAMPLES = Path("reports/examples.json")
TOLERANCE = 1e-6  # float32 sums in another order, on another machine, differ by less


def examples(release: Release) -> list[dict[str, Any]]:
    """Rows with their recorded predictions.

    Raises:
        StageError: the release has none.
    """
    try:
        found = json.loads(release.bytes(EXAMPLES))
        pairs = [{"row": dict(one["row"]), "prediction": float(one["prediction"])} for one in found]
    except (ValueError, KeyError, TypeError):
        raise StageError(f"{EXAMPLES}: no examples of a release") from None
    if not pairs:
        raise StageError(f"{EXAMPLES}: holds no rows; nothing can be compared")
    return pairs


def rows(known: list[dict[str, Any]], contract: Contract) -> list[msgspec.Struct]:
    """The rows, by the way of a request.

    Raises:
        StageError: one breaks the contract.
    """
    body = msgspec.json.encode({"rows": [one["row"] for one in known]})
    try:
        return Reader(contract, len(known)).read(JSON, body)
    except Refusal as refusal:
        error = refusal.errors[0]
        raise StageError(f"{EXAMPLES}: {error.field}: {error.rule}") from None


def check(known: list[dict[str, Any]], contract: Contract, predictor: Predictor) -> None:
    """See that the model answers the rows as they were answered when it was judged.

    Raises:
        StageError: it does not.
    """
    said = predictor(contract.columns(rows(known, contract))).tolist()
    for place, (one, answer) in enumerate(zip(known, said, strict=True)):
        difference = math.fabs(answer - one["prediction"])
        if not difference <= TOLERANCE:  # as that of what is no number is not
            raise StageError(
                f"answers are not those of the evaluation: row {place} of {EXAMPLES} "
                f"differs by {difference:.3g}, and {TOLERANCE:.0e} is allowed"
            )
