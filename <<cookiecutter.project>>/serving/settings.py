"""What an environment sets for the service; its other keys are for those who bring it up."""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.stage import StageError

FOLDER = Path("environments")
Whole = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    memory_mb: Annotated[int, Meta(ge=64)]
    request_kb: Whole
    rows: Whole  # of one request
    concurrent: Whole  # requests that are read or answered at one time
    seconds: Seconds  # for a client to send a request, and for us to answer it
    start_seconds: Seconds
    drain_seconds: Seconds


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    flush_seconds: Seconds  # between two looks at what the database is to get
    spool_mb: Whole  # on disk, while the database is away
    retention_days: Whole


class Settings(msgspec.Struct, frozen=True):
    limits: Limits
    log: LogSettings


def read(environment: str) -> Settings:
    """The settings of an environment.

    Raises:
        StageError: the release has no such environment, or its file is wrong.
    """
    path = FOLDER / f"{environment}.toml"
    try:
        found = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise StageError(f"{path}: not there; this release knows no such environment") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StageError(f"{path}: not TOML: {error}") from None
    try:
        return msgspec.convert(found, Settings)
    except msgspec.ValidationError as error:
        rule, _, place = str(error).partition(" - at `$.")
        raise StageError(f"{path}: {place.rstrip('`') or 'settings'}: {rule}") from None
