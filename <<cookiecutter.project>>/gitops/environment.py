"""Where releases run: one file in environments/ each. Adding a file and a branch adds one."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from gitops.settings import Refused, Strict, parse

FOLDER = Path("environments")
NAME = re.compile(r"[a-z][a-z0-9-]*")
RESERVED = re.compile(r"latest|v[0-9]+")  # MLflow takes these for versions
PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
CONTAINED = ("docker", "terraform")  # targets that run images
Whole = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Limits(Strict):
    memory_mb: Annotated[int, Field(ge=64)]
    request_kb: Whole
    rows: Whole
    concurrent: Whole
    seconds: Seconds
    start_seconds: Seconds
    drain_seconds: Seconds


class Log(Strict):
    flush_seconds: Seconds
    spool_mb: Whole
    retention_days: Whole


class Alerts(Strict):
    errors: Share
    p99_seconds: Seconds
    out_of_range: Share


class Settings(Strict):
    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    after: tuple[str, ...] = Field(strict=False)
    target: Literal["process", "docker", "terraform"]
    address: str
    workers: Annotated[int, Field(ge=1, le=64)]
    gateway: str | None = None  # the image that keeps the address open, but for processes
    limits: Limits
    log: Log
    alerts: Alerts

    @field_validator("gateway")
    @classmethod
    def pinned(cls, gateway: str | None) -> str | None:
        """One that is pulled is named by digest: a tag may be another image tomorrow."""
        if gateway is not None and "/" in gateway and not PINNED.fullmatch(gateway):
            raise ValueError(f"{gateway!r} must be repository@sha256:…, its digest")
        return gateway

    @field_validator("address")
    @classmethod
    def host_and_port(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise ValueError(f"{address!r} must be host:port, the port between 1 and 65535")
        return address


class Environment(Settings):
    name: str

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def contained(self) -> bool:
        """Does it run images?"""
        return self.target in CONTAINED

    @property
    def port(self) -> int:
        """Every target is on this machine: its names are many, its ports are there once."""
        return int(self.address.rpartition(":")[2])


def read(folder: Path = FOLDER) -> dict[str, Environment]:
    """All environments by name, each after those that must precede it.

    Raises:
        Refused: a file is wrong, or two of them can't be together.
    """
    files = {path.stem: path.read_text() for path in sorted(folder.glob("*.toml"))}
    return compose(files, str(folder))


def compose(files: Mapping[str, str], folder: str = str(FOLDER)) -> dict[str, Environment]:
    """All environments from the text of each file by its name."""
    if not files:
        raise Refused(f"{folder}: holds no environment; run from the project's root")
    found = {name: one(name, text, f"{folder}/{name}.toml") for name, text in files.items()}
    for key, what in (("branch", "branch"), ("address", "port")):
        seen: dict[object, str] = {}
        for name, environment in found.items():
            value = getattr(environment, what)
            if value in seen:
                raise Refused(
                    f"{folder}/{name}.toml: {key} = {getattr(environment, key)!r}: its {what} is "
                    f"that of {seen[value]} too; give each environment its own"
                )
            seen[value] = name
    for name, environment in found.items():
        if unknown := [other for other in environment.after if other not in found]:
            raise Refused(
                f"{folder}/{name}.toml: after = {unknown[0]!r}: no such environment; "
                f"there are {', '.join(found)}"
            )
    return in_order(found, folder)


def one(name: str, text: str, source: str) -> Environment:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{source}: not TOML: {error}") from None
    if not NAME.fullmatch(name) or RESERVED.fullmatch(name):
        raise Refused(
            f"{source}: {name!r} names tags and an alias of the model registry: lower-case "
            "letters, digits and hyphens, and neither latest nor v and a number"
        )
    settings = parse(Settings, values, source)
    return Environment(name=name, **dict(settings))


def in_order(found: Mapping[str, Environment], folder: str) -> dict[str, Environment]:
    ordered: dict[str, Environment] = {}
    while len(ordered) < len(found):
        ready = [
            name
            for name, environment in found.items()
            if name not in ordered and all(other in ordered for other in environment.after)
        ]
        if not ready:
            rest = ", ".join(name for name in found if name not in ordered)
            raise Refused(f"{folder}: {rest}: each waits for another; one must come first")
        ordered |= {name: found[name] for name in ready}
    if len(firsts := [name for name, one in found.items() if not one.after]) != 1:
        raise Refused(
            f"{folder}: {' and '.join(firsts)} come after nothing; releases are made in one "
            "environment, so give the others an `after`"
        )
    return ordered


def named(environments: Mapping[str, Environment], name: str) -> Environment:
    """The environment of a name.

    Raises:
        Refused: there is none.
    """
    if name not in environments:
        raise Refused(f"{name!r}: no such environment; there are {', '.join(environments)}")
    return environments[name]


def of_branch(environments: Mapping[str, Environment], branch: str) -> Environment | None:
    return next((one for one in environments.values() if one.branch == branch), None)


def first(environments: Mapping[str, Environment]) -> Environment:
    """The environment in which releases are made."""
    return next(one for one in environments.values() if not one.after)


def following(environments: Mapping[str, Environment], name: str) -> list[Environment]:
    """The environments that wait for this one."""
    return [one for one in environments.values() if name in one.after]
