"""A model is believed for its answers: those to rows whose right answers are known."""

from typing import Any

import msgspec

from pipeline.stage import StageError
from serving import recorded
from serving.model import Predictor
from serving.recorded import EXAMPLES
from serving.refusal import Refusal
from serving.release import Release
from serving.rows.contract import Contract, Rows
from serving.rows.reader import JSON, Reader


def examples(release: Release) -> list[dict[str, Any]]:
    """Rows with their recorded predictions.

    Raises:
        StageError: the release has none.
    """
    return recorded.read(release.bytes(EXAMPLES))


def rows(known: list[dict[str, Any]], contract: Contract) -> Rows:
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
    recorded.largest([one["prediction"] for one in known], said)
