"""What the program is told: environments/*.toml, the project's name, and where the state lies."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = "terraform"
REGION = "us-east-1"  # stores that speak like S3 have one region, and call it so


@dataclass(frozen=True)
class Settings:
    """One environment that terraform makes."""

    name: str
    branch: str
    after: tuple[str, ...]
    target: str
    address: str
    workers: int
    memory_mb: int
    drain_seconds: float

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


@dataclass(frozen=True)
class State:
    """A bucket in which a team keeps terraform's state; none: it lies beside the stack."""

    bucket: str
    region: str
    endpoint: str  # empty: that of the cloud

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "State | None":
        bucket = environment.get("STATE_BUCKET")
        if not bucket:
            return None
        endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
        return cls(bucket, environment.get("AWS_REGION") or REGION, endpoint or "")


def project(root: Path) -> dict[str, Any]:
    """The project's name and its template's settings."""
    about = tomllib.loads((root / "pyproject.toml").read_text())
    return {"name": about["project"]["name"], **about["tool"]["template"]}


def environments(root: Path) -> list[Settings]:
    """All environments, in the order of their names."""
    return [read(path) for path in sorted((root / "environments").glob("*.toml"))]


def read(path: Path) -> Settings:
    """One environment's file; whatever is not for its containers is left to others.

    Raises:
        SystemExit: a setting is missing.
    """
    values = tomllib.loads(path.read_text())
    try:
        return Settings(
            name=path.stem,
            branch=values["branch"],
            after=tuple(values["after"]),
            target=values["target"],
            address=values["address"],
            workers=values["workers"],
            memory_mb=values["limits"]["memory_mb"],
            drain_seconds=values["limits"]["drain_seconds"],
        )
    except KeyError as error:
        raise SystemExit(f"error: {path}: {error.args[0]}: missing; add it") from None
