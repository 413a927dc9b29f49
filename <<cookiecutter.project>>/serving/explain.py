"""What drove an answer: the contribution of each field of the contract."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Explanation:
    """`prediction` is `base` and all contributions added up."""

    base: float  # the mean answer for the background
    prediction: float
    contributions: dict[str, float]  # by field


class Explainer:
    """Explains one row at a time; takes some ten milliseconds of computing."""

    def __init__(
        self,
        predict: Callable[[Columns], NDArray[Any]],
        background: Columns,
        fields: Sequence[str],
    ) -> None:
        """`background`: columns of some recorded rows; `fields`: those to explain, no keys."""
        raise NotImplementedError

    def __call__(self, row: Columns) -> Explanation:
        """Explain one row, as columns of one value each."""
        raise NotImplementedError
