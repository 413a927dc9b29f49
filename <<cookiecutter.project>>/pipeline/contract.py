"""Check a frame against a pandera model: all rules in one pass, and never a value in what it says.

pandera decides what a rule is and how it is computed; the rules of all columns are then
collected in one polars query, and only columns that break one are looked at row by row.
NaN counts as null, as in pandera's pandas backend.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandera.backends.polars.builtin_checks  # noqa: F401  binds the rules to polars, before any is made
import pandera.polars as pa
import polars as pl
import polars.selectors as cs
from pandera.api.polars.types import PolarsData
from pandera.backends.polars.checks import PolarsCheckBackend
from pandera.config import ValidationDepth, config_context

from pipeline.stage import StageError

ROWS_NAMED = 5  # enough to find the fault in the source, short enough for one line


@dataclass(frozen=True)
class Violation:
    column: str
    rule: str
    count: int
    rows: tuple[int, ...]  # the first row numbers, from 0; empty where a whole column is wrong

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.column}: {self.rule}"
        named = ", ".join(map(str, self.rows)) + (", …" if self.count > len(self.rows) else "")
        return f"{self.column}: {self.rule}: {self.count} rows ({named})"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    column: str
    name: str
    hint: pl.LazyFrame  # one boolean: may any row break the rule? Quick, and never wrongly no
    rows: Callable[[], pl.LazyFrame]  # one boolean per row: does it?


def violations(frame: pl.DataFrame, model: type[pa.DataFrameModel]) -> list[Violation]:
    """All rules of `model` that `frame` breaks; an empty list where it keeps them."""
    schema = model.to_schema()
    shape = shape_violations(frame, schema)
    wrong = {found.column for found in shape}
    columns = {name: one for name, one in schema.columns.items() if name not in wrong}
    return shape + value_violations(frame, columns)


def value_violations(frame: pl.DataFrame, columns: Mapping[str, Any]) -> list[Violation]:
    """The rules of these columns that `frame` breaks; it has them, and their types are right."""
    every = [rule for name, column in columns.items() for rule in rules(frame, name, column)]
    if not every:
        return []
    hints = [rule.hint.select(pl.all().alias(str(place))) for place, rule in enumerate(every)]
    answers = pl.concat(hints, how="horizontal").collect().row(0)
    suspects = [rule for rule, broken in zip(every, answers, strict=True) if broken]
    return [found for found in map(violation, suspects) if found.count]


def violation(rule: Rule) -> Violation:
    rows = rule.rows().collect().to_series().fill_null(value=False).arg_true()
    return Violation(rule.column, rule.name, len(rows), tuple(rows.head(ROWS_NAMED)))


def check(frame: pl.DataFrame, model: type[pa.DataFrameModel], source: str) -> None:
    """Stop where `frame` breaks `model`.

    Raises:
        StageError: every violation by column, rule, count and first row numbers.
    """
    refuse(violations(frame, model), model, source)


def refuse(found: list[Violation], model: type[pa.DataFrameModel], source: str) -> None:
    if found:
        lines = "\n".join(f"  {violation}" for violation in found)
        raise StageError(
            f"{source} breaks the contract pipeline/schemas.py:{model.__name__}:\n{lines}\n"
            "  correct the source (pipeline/ingest.py), or the rule where it no longer holds"
        )


def shape_violations(frame: pl.DataFrame, schema: Any) -> list[Violation]:
    """Columns that are missing, of a wrong type or not in the contract, as pandera sees them."""
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
            schema.validate(frame.clear(), lazy=True)
    except pa.errors.SchemaErrors as errors:
        # pandera repeats a wrong type once for each rule of the column, and of the columns that
        # are not in the contract it names the first.
        named = [shape_violation(e, frame) for e in errors.schema_errors]
        extra = set(frame.columns) - set(schema.columns) if schema.strict is True else ()
        return list(dict.fromkeys(named + [not_in_contract(name) for name in sorted(extra)]))
    return []


def shape_violation(error: Any, frame: pl.DataFrame) -> Violation:
    reason = error.reason_code.name
    if reason == "COLUMN_NOT_IN_DATAFRAME":
        return Violation(str(error.failure_cases), "is missing", 0, ())
    if reason == "COLUMN_NOT_IN_SCHEMA":
        return not_in_contract(str(error.failure_cases))
    name = error.schema.name
    return Violation(name, f"must be {error.schema.dtype}, is {frame.schema[name]}", 0, ())


def not_in_contract(name: str) -> Violation:
    return Violation(name, "is not in the contract", 0, ())


def rules(frame: pl.DataFrame, name: str, column: Any) -> Iterator[Rule]:
    """Each rule of a column; a null breaks none but its own."""
    raw, values = frame.lazy(), pl.col(name)

    def clean() -> pl.LazyFrame:
        """The rows with null for NaN; a copy of each column takes its time: for suspects alone."""
        return raw.with_columns(cs.float().fill_nan(None))

    if not column.nullable:
        unknown = values.null_count() > 0
        if frame.schema[name].is_float():
            unknown |= values.is_nan().any()
        null = raw.select(unknown)
        yield Rule(name, "must not be null", null, lambda: clean().select(values.is_null()))
    if column.unique:
        # Counting distinct hashes takes a tenth of the time of finding who repeats; where two
        # values share one, the search by rows finds none.
        repeats = raw.select(values.hash().n_unique() < pl.len())
        repeated = values.is_duplicated() & values.is_not_null()
        yield Rule(name, "must be unique", repeats, lambda: clean().select(repeated))
    for check in column.checks:

        def rows(check: Any = check) -> pl.LazyFrame:
            return broken_by(check, name, clean())

        quick = broken_by(check, name, raw).select(pl.all().any())
        yield Rule(name, str(check.error or check.name), quick, rows)


def broken_by(check: Any, name: str, lazy: pl.LazyFrame) -> pl.LazyFrame:
    kept: pl.LazyFrame = PolarsCheckBackend(check).apply(PolarsData(lazy, name))
    return kept.select(pl.all().not_())


def columns(model: type[pa.DataFrameModel], mark: str) -> list[str]:
    """The columns whose metadata carry `mark` (`shareable`, `key`, `target`)."""
    return [
        name
        for name, column in model.to_schema().columns.items()
        if (column.metadata or {}).get(mark)
    ]
