"""Inputs beyond the range of the training: counted by field, some hundred rows at a time."""

from collections.abc import Mapping
from typing import Any

import numpy as np

ROWS = 256  # that wait to be looked at: one by one they would take as long as the model does


class Ranges:
    def __init__(self, bounds: Mapping[str, tuple[float, float]]) -> None:
        self.bounds = bounds
        self.lowest, self.highest = np.array(list(bounds.values())).reshape(-1, 2, 1).swapaxes(0, 1)
        self.outside = np.zeros(len(bounds), np.int64)
        self.waiting: list[Mapping[str, Any]] = []
        self.rows = 0

    def add(self, columns: Mapping[str, Any], count: int) -> None:
        self.waiting.append(columns)
        self.rows += count
        if self.rows >= ROWS:
            self.look()

    def look(self) -> None:
        waiting, self.waiting, self.rows = self.waiting, [], 0
        if not waiting:
            return
        if len(waiting) == 1:
            (columns,) = waiting
            values = np.array([columns[name] for name in self.bounds], np.float64)
        else:
            values = np.array(
                [np.concatenate([columns[name] for columns in waiting]) for name in self.bounds],
                np.float64,
            )
        # What is unknown is no number beyond anything.
        outside = (values < self.lowest) | (values > self.highest)
        self.outside += np.count_nonzero(outside, axis=1)

    def counts(self) -> dict[str, int]:
        self.look()
        return dict(zip(self.bounds, self.outside.tolist(), strict=True))


def bounds(statistics: Any) -> dict[str, tuple[float, float]]:
    """The least and the largest value of each number, from reports/statistics.json."""
    columns = statistics if isinstance(statistics, dict) else {}
    return {
        name: (float(found["minimum"]), float(found["maximum"]))
        for name, found in columns.items()
        if isinstance(found, dict) and isinstance(found.get("minimum"), int | float)
    }
