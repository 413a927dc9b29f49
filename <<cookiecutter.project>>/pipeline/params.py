"""params.yaml as frozen, strict settings: one class per block, refused where it is wrong."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.stage import StageError

PATH = Path("params.yaml")

Month = Annotated[int, Field(ge=1, le=12)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


class Block(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Ingest(Block):
    first: Month = Field(alias="from")
    until: Month
    every: Positive

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.until < self.first:
            raise ValueError(f"until ({self.until}) is before from ({self.first})")
        return self


class Validate(Block):
    bins: Annotated[int, Field(ge=2, le=100)]


class Features(Block):
    holdout: Positive
    validation: Positive
    smoothing: Annotated[float, Field(ge=0)]


class Train(Block):
    objective: Literal["binary", "regression"]
    metric: Annotated[list[str], Field(min_length=1)]
    learning_rate: Share
    num_leaves: Annotated[int, Field(ge=2)]
    min_data_in_leaf: Positive
    feature_fraction: Share
    lambda_l2: Annotated[float, Field(ge=0)]
    num_iterations: Positive
    early_stopping: Positive
    threads: Positive
    seed: int


class Evaluate(Block):
    primary: str
    threshold: float | None
    slices: list[str]
    repeats: Positive
    seed: int


class Gates(Block):
    limits: dict[str, float]
    margin: Annotated[float, Field(ge=0)]
    slice_limit: float
    slice_rows: Positive
    model_bytes: Positive
    violations: Annotated[int, Field(ge=0)]


class Params(Block):
    ingest: Ingest
    validation: Validate = Field(alias="validate")
    features: Features
    train: Train
    evaluate: Evaluate
    gates: Gates

    @model_validator(mode="after")
    def holdout_outside_training(self) -> Self:
        months = self.ingest.until - self.ingest.first + 1
        kept = self.features.holdout + self.features.validation
        if kept >= months:
            raise ValueError(
                f"the holdout would lie inside training: features.holdout and "
                f"features.validation take {kept} months, and ingest.from to ingest.until "
                f"has {months}; at least one must be left to train on"
            )
        return self


def read(path: Path = PATH) -> Params:
    """Read the settings.

    Raises:
        StageError: one line per wrong key, with its value and its rule.
    """
    try:
        return Params.model_validate(yaml.safe_load(path.read_text()))
    except FileNotFoundError:
        raise StageError(f"{path}: not there; run from the project's root") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StageError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        lines = [explain(str(path), dict(found)) for found in error.errors()]
        raise StageError("\n".join(lines)) from None


def explain(source: str, found: dict[str, Any]) -> str:
    """One pydantic error as `file: key = value: rule`."""
    key = ".".join(str(part) for part in found["loc"])
    rule = found["msg"].removeprefix("Value error, ")
    if found["type"] == "missing":
        return f"{source}: {key}: missing; add it"
    if found["type"] == "extra_forbidden":
        return f"{source}: {key}: unknown key; remove it or correct its name"
    if found["type"] == "value_error":
        return f"{source}: {key + ': ' if key else ''}{rule}"
    return f"{source}: {key} = {found['input']!r}: {rule}"
