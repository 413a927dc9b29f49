"""The answers that were recorded when the model was judged: a service is believed for giving them.

It needs the standard library alone: a deployment asks by any Python (verify.py).
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.stage import StageError

EXAMPLES = Path("reports/examples.json")
TOLERANCE = 1e-6  # float32 sums in another order, on another machine, differ by less


def read(said: bytes) -> list[dict[str, Any]]:
    """Rows as clients send them, and the recorded prediction of each.

    Raises:
        StageError: there are none.
    """
    try:
        known = [
            {"row": dict(one["row"]), "prediction": float(one["prediction"])}
            for one in json.loads(said)
        ]
    except (ValueError, KeyError, TypeError):
        raise StageError(f"{EXAMPLES}: no examples of a release; the release is damaged") from None
    if not known:
        raise StageError(f"{EXAMPLES}: holds no rows; nothing can be compared")
    return known


def largest(recorded: Sequence[float], said: Sequence[float]) -> float:
    """The largest difference between an answer and what was recorded.

    Raises:
        StageError: it is too large; the row is named by its place in the file.
    """
    differences = [math.fabs(one - other) for one, other in zip(said, recorded, strict=True)]
    # What is no number is further away than any.
    worst = max(differences, key=lambda one: math.inf if math.isnan(one) else one)
    if not worst <= TOLERANCE:
        raise StageError(
            f"answers are not those of the evaluation: row {differences.index(worst)} of "
            f"{EXAMPLES} differs by {worst:.3g}, and {TOLERANCE:.0e} is allowed"
        )
    return worst
