"""What an environment sets for the service; its other keys are for those who bring it up."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.stage import StageError

FOLDER = Path("environments")


class Limits(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    memory_mb: Annotated[int, Field(ge=64)]
    request_kb: Annotated[int, Field(ge=1)]
    drain_seconds: Annotated[float, Field(gt=0, le=3600)]


def read(environment: str) -> Limits:
    """The limits of an environment.

    Raises:
        StageError: the release has no such environment, or its file is wrong.
    """
    path = FOLDER / f"{environment}.toml"
    try:
        return Limits.model_validate(tomllib.loads(path.read_text())["limits"])
    except FileNotFoundError:
        raise StageError(f"{path}: not there; this release knows no such environment") from None
    except KeyError:
        raise StageError(f"{path}: limits: missing; add it") from None
    except tomllib.TOMLDecodeError as error:
        raise StageError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        lines = [f"{path}: limits.{found['loc'][0]}: {found['msg']}" for found in error.errors()]
        raise StageError("\n".join(lines)) from None
