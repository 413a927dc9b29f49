"""A registry reads the same by SQL, by REST and by MLflow's client, and can't hang or leak."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gitops import catalog
from gitops.catalog import TREE, Client, Database, Server, State
from gitops.registry import Registry
from gitops.settings import Refused
from tests.gitops.bundles import bundle_of, numbered
from tests.projects import ROOT

HIDDEN = "hunter2"
READY = 120  # seconds for a server to come up on a busy machine
EVERYTHING = State(
    tags={1: {TREE: "a" * 40, "model.sha256": "1"}, 3: {TREE: "c" * 40}, 4: {}},
    aliases={"dev": 3, "prod": 1},
)


@pytest.fixture
def local(tmp_path: Path, database: Path) -> str:
    shutil.copy(database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[tuple[str, str]]:
    """A real MLflow server: its address, and that of its database."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(database, folder / "mlflow.db")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    local, address = f"sqlite:///{folder}/mlflow.db", f"http://127.0.0.1:{port}"
    words = ["--backend-store-uri", local, "--artifacts-destination", str(folder / "artifacts")]
    words += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words],
            cwd=folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + READY
        while not healthy(address):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield address, local
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def healthy(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=1).is_success
    except httpx.HTTPError:
        return False


def write(uri: str, project: str) -> None:
    """What `EVERYTHING` says, by MLflow's client; and a neighbour that must not be seen."""
    client = catalog.client_of(uri)
    trees: list[dict[str, str]] = [
        {TREE: "a" * 40, "model.sha256": "1"},
        {TREE: "b" * 40},
        {TREE: "c" * 40},
        {},
    ]
    for name in (project, f"{project}-neighbour"):
        client.create_registered_model(name)
        for tags in trees:
            client.create_model_version(name, source="s3://bucket/x", tags=tags)
    client.set_registered_model_alias(f"{project}-neighbour", "uat", "2")
    for alias, number in (("dev", "1"), ("gone", "2"), ("dev", "3"), ("prod", "1")):
        client.set_registered_model_alias(project, alias, number)
    client.delete_model_version(project, "2")


def test_three_ways_read_the_same(server: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    address, local = server
    write(address, "read")
    monkeypatch.setattr(catalog, "PAGE", 2)

    assert Server(address, "read").read() == EVERYTHING
    assert Database(local, "read").read() == EVERYTHING
    assert Client(local, "read").read() == EVERYTHING
    assert Client(address, "read").read() == EVERYTHING


def test_three_ways_move_an_alias(server: tuple[str, str]) -> None:
    address, local = server
    write(address, "moved")
    ways = Server(address, "moved"), Database(local, "moved"), Client(local, "moved")
    for way in ways:
        way.alias("prod", 3)
        way.alias("uat", 4)
        assert catalog.client_of(address).get_model_version_by_alias("moved", "prod").version == "3"
        assert [one.read().aliases for one in ways] == [{"dev": 3, "prod": 3, "uat": 4}] * 3
        way.alias("prod", 1)
        catalog.client_of(address).delete_registered_model_alias("moved", "uat")


def test_three_ways_see_nothing_where_nothing_is(server: tuple[str, str], tmp_path: Path) -> None:
    address, local = server
    for way in (Server(address, "none"), Database(local, "none"), Client(local, "none")):
        assert way.read() == State()


def test_a_server_keeps_the_files_and_they_can_be_loaded(
    server: tuple[str, str], trained: Path, tmp_path: Path
) -> None:
    registry = Registry(server[0], "flights", tmp_path)
    release = bundle_of(trained, tmp_path / "bundle")

    assert registry.register(release, tmp_path / "bundle") == 1
    assert registry.register(release, tmp_path / "bundle") == 1
    assert release.model.files.items() <= registry.prove(release.tree).items()
    assert not (tmp_path / "mlartifacts").exists()

    later = numbered(release, "d" * 40, 4)
    registry.rebuild([release, later], lambda _: tmp_path / "bundle")
    assert registry.read().versions == {release.tree: 1, later.tree: 4}


def test_the_way_is_chosen_by_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(catalog.of("sqlite:///x.db", "p"), Database)
    assert isinstance(catalog.of("https://mlflow", "p"), Server)
    assert isinstance(catalog.of("postgresql://host/mlflow", "p"), Client)
    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "kerberos")
    assert isinstance(catalog.of("https://mlflow", "p"), Client)


def test_its_makers_are_told_nothing(local: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    assert catalog.client_of(local)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_the_first_of_two_versions_of_a_tree_counts() -> None:
    state = State(tags={3: {TREE: "a"}, 2: {TREE: "a"}, 1: {}})

    assert state.versions == {"a": 2}


def test_what_is_not_there_is_empty_and_stays_away(tmp_path: Path) -> None:
    assert Database(f"sqlite:///{tmp_path}/mlflow.db", "flights").read() == State()
    assert not (tmp_path / "mlflow.db").exists()
    (tmp_path / "mlflow.db").touch()
    assert Database(f"sqlite:///{tmp_path}/mlflow.db", "flights").read() == State()


def test_a_path_of_any_name(tmp_path: Path, database: Path) -> None:
    path = tmp_path / "a b?c#d%20ü" / "mlflow.db"
    path.parent.mkdir()
    shutil.copy(database, tmp_path / "plain.db")
    write(f"sqlite:///{tmp_path}/plain.db", "flights")
    shutil.copy(tmp_path / "plain.db", path)

    assert Database(f"sqlite:///{path}", "flights").read() == EVERYTHING


def test_reading_loads_no_mlflow(local: str) -> None:
    code = (
        "import sys; from pathlib import Path; from gitops.registry import Registry\n"
        "Registry(sys.argv[1], 'flights', Path()).read()\n"
        "sys.exit('mlflow' in sys.modules)"
    )
    words = [sys.executable, "-B", "-c", code, local]
    subprocess.run(words, cwd=ROOT, check=True, timeout=60)


def test_a_database_in_use_or_none_at_all_is_refused(
    local: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Refused, match=r"mlflow\.db does not do as asked: database is locked$"):
            Database(local, "flights").read()

    (tmp_path / "mlflow.db").write_text("not a database at all" * 100)
    with pytest.raises(Refused, match="file is not a database"):
        Database(local, "flights").read()
    with pytest.raises(Refused, match="file is not a database"):
        Database(local, "flights").alias("dev", 1)


def test_a_table_that_changed_is_refused(local: str, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("ALTER TABLE model_versions RENAME COLUMN current_stage TO stage")

    with pytest.raises(Refused, match="no such column: current_stage"):
        Database(local, "flights").read()


class Asked(http.server.BaseHTTPRequestHandler):
    """Answers everything with one status, and remembers how it was asked."""

    status = 200
    body: object = {}
    seen: list[str | None]

    def do_GET(self) -> None:
        type(self).seen.append(self.headers.get("Authorization"))
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(self.body).encode())

    def log_message(self, *words: Any) -> None:
        pass


@contextlib.contextmanager
def answering(status: int, body: object) -> Iterator[tuple[int, list[str | None]]]:
    seen: list[str | None] = []
    handler = type("Handler", (Asked,), {"status": status, "body": body, "seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], seen
        server.shutdown()


def test_a_server_is_told_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    basic = "Basic dXNlcjpodW50ZXIy"  # user:hunter2
    with answering(200, {"registered_model": {"name": "flights"}}) as (port, seen):
        Server(f"http://127.0.0.1:{port}", "flights").read()
        Server(f"http://user:{HIDDEN}@127.0.0.1:{port}", "flights").read()
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", HIDDEN)
        Server(f"http://127.0.0.1:{port}", "flights").read()
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", HIDDEN)
        Server(f"http://127.0.0.1:{port}", "flights").read()

    assert seen[::2] == [None, basic, f"Bearer {HIDDEN}", basic]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, {}, "401 Unauthorized"),
        (403, {"error_code": "PERMISSION_DENIED", "message": "Not yours"}, "403 Not yours"),
        (404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "No"}, "404 No"),
        (500, {}, "500 Internal Server Error"),
        (302, {}, "302 Found"),
        (200, [], "no MLflow server"),
        (200, {}, "no MLflow server"),
        (200, {"registered_model": {"aliases": [{}]}}, "no MLflow server"),
    ],
)
def test_a_server_that_refuses_is_refused(status: int, body: object, reason: str) -> None:
    with (
        answering(status, body) as (port, _),
        pytest.raises(Refused, match=rf"^the model registry at http://\S+ does not .*{reason}"),
    ):
        Server(f"http://127.0.0.1:{port}", "flights").read()


def test_a_server_that_never_answers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "SECONDS", 0.2)
    monkeypatch.setattr(catalog, "WRITING", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Refused, match=f"^the model registry at {address} .*timed out"):
            Server(address, "flights").read()
        with pytest.raises(Refused, match=f"^the model registry at {address} .*timed out"):
            Server(address, "flights").alias("dev", 1)


@pytest.mark.parametrize(
    "address",
    [
        f"http://user:{HIDDEN}@127.0.0.1:9",
        f"http://user:{HIDDEN}@127.0.0.1:9/a@b",
        f"http://user:{HIDDEN}@127.0.0.1:x",
        f"postgresql://user:{HIDDEN}@127.0.0.1:9/mlflow",
        f"nonsense://user:{HIDDEN}%40%2f@127.0.0.1/%2f",  # pragma: allowlist secret
    ],
)
def test_name_and_password_are_in_no_message(
    address: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    registry = Registry(address, "flights", tmp_path)
    with pytest.raises(Refused) as caught:
        registry.read()
    with pytest.raises(Refused) as again:
        registry.run_of("0" * 64)

    for said in (str(caught.value), str(again.value)):
        assert len(said.splitlines()) == 1
        assert HIDDEN not in said
    assert HIDDEN not in "".join(capfd.readouterr())
