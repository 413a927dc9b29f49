"""What the program is told: environments/*.toml, the project's name, its ground, its state."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

TARGET = "terraform"
THING = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # what an engine calls networks and volumes
REGION = "us-east-1"  # stores that speak like S3 have one region, and call it so


@dataclass(frozen=True)
class Alerts:
    """Beyond these, somebody has to know."""

    errors: float
    p99_seconds: float
    out_of_range: float


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
    alerts: Alerts

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


@dataclass(frozen=True)
class Ground:
    """The platform that projects share; none: an environment is on its own."""

    network: str  # where its database is, and its Prometheus
    rules: str  # the volume on which that finds whom to ask; empty: it is not told

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Ground | None":
        """As the variables say that a ground gives a project.

        Raises:
            SystemExit: one is no name, or lacks the other.
        """
        given = {name: environment.get(name, "") for name in ("GROUND_NETWORK", "GROUND_RULES")}
        for name, value in given.items():
            if value and not THING.fullmatch(value):
                raise SystemExit(f"error: {name}={value}: not a name of an engine's; correct it")
        network, rules = given.values()
        if rules and not network:
            raise SystemExit(
                "error: GROUND_RULES: nobody is reached without GROUND_NETWORK; set it"
            )
        return cls(network, rules) if network else None


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
            alerts=Alerts(**{one.name: values["alerts"][one.name] for one in fields(Alerts)}),
        )
    except KeyError as error:
        raise SystemExit(f"error: {path}: {error.args[0]}: missing; add it") from None
