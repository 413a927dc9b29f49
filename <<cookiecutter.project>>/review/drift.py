"""How far the data of two versions lie apart: schema, and population stability per column.

PSI as in Siddiqi (2006): below 0.1 alike, above 0.25 another population.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipeline.statistics import binned

SHIFTED, ANOTHER = 0.1, 0.25
EMPTY = 0.5  # rows that stand for none: the logarithm of an empty bin has no value


@dataclass(frozen=True)
class Drift:
    column: str
    psi: float


def schema_changes(base: Mapping[str, Any], candidate: Mapping[str, Any]) -> list[str]:
    """Columns that came, went or changed type, by the statistics of each version."""
    came = [f"`{name}` is new" for name in candidate if name not in base]
    went = [f"`{name}` is gone" for name in base if name not in candidate]
    types = [
        f"`{name}` was {base[name]['type']}, is {candidate[name]['type']}"
        for name in candidate
        if name in base and base[name]["type"] != candidate[name]["type"]
    ]
    return came + went + types


def drifts(base: Mapping[str, Any], candidate: Mapping[str, Any], raw: pl.DataFrame) -> list[Drift]:
    """PSI of every column that both describe, the farthest first; `raw` is the candidate's."""
    found = []
    for name, was in base.items():
        now = candidate.get(name)
        if now is None or "counts" not in was or now["type"] != was["type"]:
            continue
        if "edges" in was:
            present = raw[name].drop_nulls().cast(pl.Float64)
            counts = [*binned(present, was["edges"]), now["nulls"]]
            before = [*was["counts"], was["nulls"]]
        else:
            # A value that one side counts among its rest stands there for both.
            names = [
                value
                for value in sorted(was["counts"].keys() | now["counts"].keys())
                if all(value in side["counts"] or not side["rest"] for side in (was, now))
            ]
            before, counts = (shares(side, names) for side in (was, now))
        found.append(Drift(name, psi(before, counts)))
    return sorted(found, key=lambda drift: -drift.psi)


def shares(side: Mapping[str, Any], names: Sequence[str]) -> list[int]:
    """The counts of some categories, of all others together, and of nulls."""
    named = [side["counts"].get(name, 0) for name in names]
    others = sum(side["counts"].values()) - sum(named) + side["rest"]
    return [*named, others, side["nulls"]]


def psi(before: list[int], after: list[int]) -> float:
    """The sum of (a - b) ln(a / b) over the shares of all bins that one side fills."""
    was, now = np.asarray(before, float), np.asarray(after, float)
    used = (was > 0) | (now > 0)
    was, now = np.maximum(was[used], EMPTY), np.maximum(now[used], EMPTY)
    was, now = was / was.sum(), now / now.sum()
    return float(((now - was) * np.log(now / was)).sum())
