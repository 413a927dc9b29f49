"""What the registry lists, versions by tree and the aliases on them, without loading MLflow.

MLflow takes two seconds to load and one to open a database; `status` has one in all. So a
local database is asked by SQL and a server by its documented REST API; what is neither, or
wants a sign-in of its own kind, is asked by MLflow's client.
"""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

from gitops.settings import Refused

TREE = "release.tree"  # the tag by which a version is found
SECONDS = 5.0  # for another writer of the database, and for what a server says when asked
WRITING = 30.0  # for what it is to do: a busy one took six to move an alias
PAGE = 1000  # versions in one answer
LOCAL = "sqlite:///"
DATABASES = ("postgresql", "mysql")  # with or without the name of a driver
Ask = Callable[..., Any]  # method, path → the answer's JSON; None where the thing is not there
# Settings of MLflow's own client that only it follows.
SIGN_IN = ("AUTH", "AWS_SIGV4", "CLIENT_CERT_PATH", "SERVER_CERT_PATH", "INSECURE_TLS")


@dataclass(frozen=True)
class State:
    tags: Mapping[int, Mapping[str, str]] = field(default_factory=dict)  # of each version
    aliases: Mapping[str, int] = field(default_factory=dict)  # versions

    @cached_property
    def versions(self) -> dict[str, int]:
        """The version of each tree: the first, where several were made at once."""
        known = ((number, tags.get(TREE)) for number, tags in self.tags.items())
        return {tree: number for number, tree in sorted(known, reverse=True) if tree}


class Catalog(Protocol):
    """Every method raises Refused where the registry can't be reached."""

    def read(self) -> State:
        """Everything that is there of the project; nothing, where there is no registry yet."""

    def alias(self, name: str, number: int) -> None:
        """Let an alias name this version."""


def of(uri: str, project: str) -> Catalog:
    if uri.startswith(LOCAL):
        return Database(uri, project)
    special = any(os.environ.get(f"MLFLOW_TRACKING_{name}") for name in SIGN_IN)
    if uri.startswith(("http://", "https://")) and not (
        special or "MLFLOW_WORKSPACE" in os.environ
    ):
        return Server(uri, project)
    return Client(uri, project)


@dataclass(frozen=True)
class Database:
    uri: str
    project: str

    def read(self) -> State:
        path = Path(self.uri.removeprefix(LOCAL))
        if not path.exists():
            return State()
        versions: dict[int, dict[str, str]] = {}
        with reaching(self.uri), self.open("ro") as database:
            made = "SELECT 1 FROM sqlite_master WHERE name = 'registered_model_aliases'"
            if not database.execute(made).fetchone():
                return State()
            for number, key, value in database.execute(VERSIONS, (self.project,)):
                tags = versions.setdefault(number, {})
                if key is not None:
                    tags[key] = value
            aliases = dict(database.execute(ALIASES, (self.project,)).fetchall())
        return State(versions, aliases)

    def alias(self, name: str, number: int) -> None:
        with reaching(self.uri), self.open("rw") as database:
            database.execute(SET_ALIAS, (self.project, name, number))
            database.commit()

    @contextlib.contextmanager
    def open(self, mode: str) -> Iterator[sqlite3.Connection]:
        path = Path(self.uri.removeprefix(LOCAL)).absolute()
        address = f"file:{quote(str(path))}?mode={mode}"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=SECONDS)) as database:
            yield database


# MLflow keeps the row of a deleted version, and its tags.
VERSIONS = """
SELECT version, key, value
FROM model_versions LEFT JOIN model_version_tags USING (workspace, name, version)
WHERE workspace = 'default' AND name = ? AND current_stage != 'Deleted_Internal'
"""
ALIASES = """
SELECT alias, version FROM registered_model_aliases WHERE workspace = 'default' AND name = ?
"""
SET_ALIAS = """
INSERT INTO registered_model_aliases (workspace, name, alias, version)
VALUES ('default', ?, ?, ?)
ON CONFLICT (workspace, name, alias) DO UPDATE SET version = excluded.version
"""


@dataclass(frozen=True)
class Server:
    uri: str
    project: str

    def read(self) -> State:
        with reaching(self.uri), self.open(SECONDS) as ask:
            try:
                return self.state(ask)
            except (AttributeError, KeyError, TypeError, ValueError):
                raise Refused("what answers there is no MLflow server") from None

    def state(self, ask: Ask) -> State:
        model = ask("GET", "registered-models/get", params={"name": self.project})
        if model is None:
            return State()
        aliases = model["registered_model"].get("aliases", [])
        query = {"filter": f"name = '{self.project}'", "max_results": str(PAGE)}
        versions: dict[int, dict[str, str]] = {}
        token: str | None = ""
        while token is not None:
            page = ask("GET", "model-versions/search", params=query | {"page_token": token}) or {}
            for version in page.get("model_versions", []):
                tags = {tag["key"]: tag.get("value", "") for tag in version.get("tags", [])}
                versions[int(version["version"])] = tags
            token = page.get("next_page_token") or None
        return State(versions, {one["alias"]: int(one["version"]) for one in aliases})

    def alias(self, name: str, number: int) -> None:
        body = {"name": self.project, "alias": name, "version": str(number)}
        with reaching(self.uri), self.open(WRITING) as ask:
            ask("POST", "registered-models/alias", json=body)

    @contextlib.contextmanager
    def open(self, seconds: float) -> Iterator[Ask]:
        import httpx

        keys = ("USERNAME", "PASSWORD", "TOKEN")
        user, password, token = (os.environ.get(f"MLFLOW_TRACKING_{key}") for key in keys)
        auth = httpx.BasicAuth(user, password) if user and password else None
        headers = {"Authorization": f"Bearer {token}"} if token and not auth else {}
        base = f"{self.uri.rstrip('/')}/api/2.0/mlflow/"

        def ask(method: str, path: str, **words: Any) -> Any:
            answer = client.request(method, path, **words)
            sent = answer.headers.get("content-type", "").startswith("application/json")
            found = answer.json() if sent else {}
            if answer.status_code == 404 and found.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
                return None
            if not answer.is_success:
                raise Refused(
                    f"{answer.status_code} {found.get('message') or answer.reason_phrase}"
                )
            return found

        with httpx.Client(base_url=base, auth=auth, headers=headers, timeout=seconds) as client:
            yield ask


@dataclass(frozen=True)
class Client:
    uri: str
    project: str

    def read(self) -> State:
        with reaching(self.uri):
            client = client_of(self.uri)
            models = client.search_registered_models(f"name = '{self.project}'")
            aliases = {key: int(number) for one in models for key, number in one.aliases.items()}
            versions: dict[int, dict[str, str]] = {}
            token = "" if models else None
            while token is not None:
                page = client.search_model_versions(f"name = '{self.project}'", PAGE, None, token)
                versions |= {int(one.version): dict(one.tags) for one in page}
                token = page.token or None
            return State(versions, aliases)

    def alias(self, name: str, number: int) -> None:
        with reaching(self.uri):
            client_of(self.uri).set_registered_model_alias(self.project, name, str(number))


def client_of(uri: str) -> Any:
    """MLflow's own client, which gives up on a server that does not answer."""
    # Read when mlflow is imported: without them it tries for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(int(WRITING)))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # Else it tells its makers what is done with it, over the network.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if uri.startswith(DATABASES):
        from sqlalchemy import NullPool, create_engine

        limit = {"connect_timeout": int(SECONDS)}  # MLflow tries for minutes
        create_engine(uri, poolclass=NullPool, connect_args=limit).connect().close()
    from mlflow import MlflowClient

    if uri.startswith(LOCAL):
        make(Path(uri.removeprefix(LOCAL)), MlflowClient)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def make(path: Path, client: Callable[..., Any]) -> None:
    """Let a new database appear whole.

    Made in place it would be broken for good by a kill in these seconds, and two at once fail.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as name:
        made = Path(name) / path.name
        client(tracking_uri=f"{LOCAL}{made}").search_experiments(max_results=1)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(made)


@contextlib.contextmanager
def reaching(uri: str) -> Iterator[None]:
    """What fails inside is refused in one line that holds no credentials."""
    try:
        yield
    except Exception as error:  # clients raise what their transports raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        said = f"the model registry at {uri} does not do as asked: {reason}"
        raise Refused(public(said, uri)[:300]) from None


def public(text: str, uri: str) -> str:
    """A text without the name and password that may stand in an address."""
    login, mark, _ = uri.rpartition("://")[2].partition("/")[0].rpartition("@")
    password = login.partition(":")[2]
    for secret in (login + mark, password, unquote(password)):
        text = text.replace(secret, "") if secret else text
    return text
