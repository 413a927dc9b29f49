"""What the ground is told: ground.toml, strict, and the images that the environment names."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

Port = Annotated[int, Field(ge=1, le=65535)]
Megabytes = Annotated[int, Field(ge=64)]  # none of the services starts with less
NAME = r"^[a-z][a-z0-9-]{0,30}$"
DIGEST = re.compile(r"^[^\s@]+@sha256:[0-9a-f]{64}$")
LABEL = "ground"  # every thing's on an engine: the name of its ground
FULL = "the disk is full: remove what is not used, then run this again"
LOCAL = ("127.0.0.1", "::1")


class Refused(Exception):  # noqa: N818
    """Something can't be done; the message says what was wrong, where, and what to do."""


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Ports(Strict):
    gateway: Port
    tracking: Port
    store: Port
    registry: Port
    prometheus: Port
    alertmanager: Port
    https: Port

    @model_validator(mode="after")
    def differ(self) -> "Ports":
        taken = list(self.model_dump().values())
        twice = sorted({port for port in taken if taken.count(port) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is given twice; each needs its own")
        return self


class Images(Strict):
    database: str
    store: str
    registry: str
    prometheus: str
    alertmanager: str
    gateway: str
    base: str

    @field_validator("*")
    @classmethod
    def by_digest(cls, value: str) -> str:
        if not DIGEST.match(value):
            raise ValueError("must be repository@sha256:…, its digest: a tag may be another image")
        return value


class Memory(Strict):
    database: Megabytes
    tracking: Megabytes
    store: Megabytes
    registry: Megabytes
    prometheus: Megabytes
    alertmanager: Megabytes
    gateway: Megabytes


class Keep(Strict):
    metrics_days: Annotated[int, Field(ge=1)]


class State(Strict):
    bucket: Annotated[str, Field(min_length=3)]
    region: str = "us-east-1"
    endpoint: str = ""


class Settings(Strict):
    name: Annotated[str, Field(pattern=NAME)]
    listen: str
    domain: str
    certificates: Literal["acme", "internal"]
    ports: Ports
    images: Images
    memory_mb: Memory
    keep: Keep
    state: State | None = None

    @model_validator(mode="after")
    def private_or_encrypted(self) -> "Settings":
        if self.listen not in LOCAL and not self.domain:
            raise ValueError(
                f'listen = "{self.listen}": passwords would travel in the clear; give a domain'
            )
        return self


def read(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in a file.

    Raises:
        Refused: a line per wrong key, with its value and its rule.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; name another with FILE=") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path}: {error}") from None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise Refused("\n".join(explain(path, dict(one)) for one in error.errors())) from None
    return named(settings, environment)


def named(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """With the images that the environment names: those of a machine that can pull none."""
    images = settings.images.model_dump()
    for name in images:
        images[name] = environment.get(f"GROUND_{name.upper()}_IMAGE") or images[name]
    images["base"] = environment.get("IMAGE_BASE") or images["base"]
    # They are a person's own choice at this moment, so a tag is taken as it is.
    return settings.model_copy(update={"images": Images.model_construct(**images)})


def explain(path: Path, found: Mapping[str, object]) -> str:
    """One pydantic error as `file: key = value: rule`."""
    parts = found["loc"]
    key = ".".join(str(part) for part in parts) if isinstance(parts, tuple) else ""
    rule = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "missing":
        return f"{path}: {key}: missing; add it"
    if found["type"] == "extra_forbidden":
        return f"{path}: {key}: unknown key; remove it or correct its name"
    if found["type"] == "value_error" and not isinstance(found["input"], str):
        return f"{path}: {key + ': ' if key else ''}{rule}"
    return f"{path}: {key} = {found['input']!r}: {rule}"
