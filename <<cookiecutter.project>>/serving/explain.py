"""What drove an answer: the contribution of each field of the contract.

Shapley values by sampled permutations (Štrumbelj and Kononenko, 2014, "Explaining prediction
models and individual predictions with feature contributions"), each with its reverse (Mitchell
et al., 2022, "Sampling permutations for Shapley value estimation").
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 2000  # asked of the model for one explanation: 4 ms, and right within a point or so
SEED = 2014  # any number; fixed, so that the same row is explained alike everywhere

Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Explanation:
    """`prediction` is `base` and all contributions added up."""

    base: float  # the mean answer for the background
    prediction: float
    contributions: dict[str, float]  # by field


class Explainer:
    """Explains one row at a time, and the same row always alike.

    A walk leads from a row of the background to the row that is explained, field by field; what
    the answer changes at a step is that field's. All steps of all walks are one batch.
    """

    def __init__(
        self,
        predict: Callable[[Columns], NDArray[Any]],
        background: Columns,
        fields: Sequence[str],
    ) -> None:
        """`background`: columns of some recorded rows; `fields`: those to explain, no keys."""
        self.predict = predict
        self.fields = tuple(fields)
        known = {name: array(column) for name, column in background.items()}
        reading = Reading(known)
        answers = np.asarray(predict(reading), np.float64)
        self.read = [name for name in fields if name in reading.names]
        steps = max(len(self.read) - 1, 1)
        pairs = max(1, min(ROWS // (2 * steps), len(answers)))
        # Evenly spread over the answers, few rows have the mean of all.
        chosen = np.argsort(answers, kind="stable")[spread(pairs, len(answers))]
        self.starts = answers[chosen]
        self.orders = orders(pairs, len(self.read))
        self.own = passed(self.orders)
        places = np.repeat(np.tile(chosen, 2), self.own.shape[1])
        self.others = {name: known[name][places] for name in self.read}

    def __call__(self, row: Columns) -> Explanation:
        """Explain one row, as columns of one value each."""
        walks, steps, _ = self.own.shape
        own = self.own.reshape(walks * steps, len(self.read))
        one = {name: array(column) for name, column in row.items()}
        batch = {name: np.repeat(column, walks * steps + 1) for name, column in one.items()}
        for place, name in enumerate(self.read):
            batch[name][1:][~own[:, place]] = self.others[name][~own[:, place]]
        answers = np.asarray(self.predict(batch), np.float64)
        prediction = float(answers[0])
        path = np.empty((walks, steps + 2))
        path[:, 0], path[:, -1] = np.tile(self.starts, 2), prediction
        path[:, 1:-1] = answers[1:].reshape(walks, steps)
        changes = np.zeros((walks, len(self.read)))
        if self.read:
            np.put_along_axis(changes, self.orders, np.diff(path, axis=1), axis=1)
        found = dict(zip(self.read, changes.mean(axis=0).tolist(), strict=True))
        contributions = {name: found.get(name, 0.0) for name in self.fields}
        return Explanation(float(self.starts.mean()), prediction, contributions)


class Reading(Mapping[str, Any]):
    """Columns that remember which of them were read: the others contribute nothing."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def array(column: Any) -> NDArray[Any]:
    """A column to choose rows from; text as objects, which have any length."""
    found = np.asarray(column)
    return found if found.dtype.kind in "biufM" else np.asarray(column, object)


def spread(count: int, length: int) -> NDArray[np.int64]:
    """The middles of `count` equal parts of `length` places."""
    return ((np.arange(count) + 0.5) * length / count).astype(np.int64)


def orders(pairs: int, fields: int) -> NDArray[np.int64]:
    """Permutations of the fields, then their reverses; shape (2 * pairs, fields)."""
    random = np.random.default_rng(SEED)
    forward = random.permuted(np.tile(np.arange(fields), (pairs, 1)), axis=1)
    return np.concatenate([forward, forward[:, ::-1]])


def passed(orders: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which fields are the row's own after each step but the last; (walks, steps, fields)."""
    rank = np.argsort(orders, axis=1)
    steps = np.arange(max(orders.shape[1] - 1, 0))
    taken: NDArray[np.bool_] = rank[:, None, :] <= steps[None, :, None]
    return taken
