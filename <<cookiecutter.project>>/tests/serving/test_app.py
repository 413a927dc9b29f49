"""A running service answers four questions, and says what is wrong with the others."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipeline import files
from tests.serving import bundles

Answer = tuple[int, Any]


class Client:
    """One connection, kept alive."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.connection = HTTPConnection(parts.hostname or "", parts.port, timeout=bundles.SECONDS)

    def get(self, path: str) -> Answer:
        return self.send("GET", path, None)

    def predict(self, rows: Any) -> Answer:
        return self.send("POST", "/predict", json.dumps({"rows": rows}).encode())

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        self.connection.request(method, path, body)
        response = self.connection.getresponse()
        said = response.read()
        return response.status, json.loads(said) if said.startswith(b"{") else said


@pytest.fixture(scope="module")
def small(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release with a limit that a test can reach."""
    folder = bundles.copy_of(bundle, tmp_path_factory.mktemp("small") / "bundle", "a" * 40)
    bundles.change(folder, "request_kb = 1024", "request_kb = 200")
    return folder


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service") / "service.log"


@pytest.fixture(scope="module")
def url(small: Path, log: Path) -> Iterator[str]:
    worker = bundles.served(small, log.parent)
    yield worker.state(bundles.SECONDS).url
    bundles.end(worker)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = Client(url)
    yield client
    client.connection.close()


@pytest.fixture
def row(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = bundles.examples(bundle)[0]["row"]
    return found


def test_it_lives_and_is_ready(client: Client) -> None:
    assert client.get("/health/live") == (200, {"live": True})
    assert client.get("/health/ready") == (200, {"ready": True})


def test_it_names_its_release(client: Client, small: Path) -> None:
    status, said = client.get("/release")

    assert status == 200
    assert said.pop("started").endswith("+00:00")
    sha256 = bundles.digest(small / files.ONNX)
    assert said == {
        "tree": "a" * 40,
        "environment": "dev",
        "number": 1,
        "model_sha256": sha256,
    }


def test_it_proves_the_bytes_that_it_holds(client: Client, small: Path) -> None:
    _, said = client.get("/release?prove")

    kept = {f"models/{path.name}": bundles.digest(path) for path in (small / "models").iterdir()}
    assert said["files"] == kept
    assert str(files.ENCODINGS) in kept


def test_its_answers_are_those_of_the_evaluation(client: Client, bundle: Path) -> None:
    known = bundles.examples(bundle)

    status, said = client.predict([example["row"] for example in known])

    assert (status, said["release"]) == (200, "a" * 40)
    assert said["predictions"] == pytest.approx([one["prediction"] for one in known], abs=1e-6)


def test_one_row_is_answered_as_many_are(client: Client, bundle: Path) -> None:
    for example in bundles.examples(bundle)[:5]:
        _, said = client.predict([example["row"]])
        assert said["predictions"] == pytest.approx([example["prediction"]], abs=1e-6)


def test_a_row_that_breaks_the_contract_is_named_by_field_and_rule(
    client: Client, row: dict[str, Any]
) -> None:
    status, said = client.predict([row, row | {"id": "other", "distance": 1e6}])

    assert status == 422
    (error,) = said["errors"]
    assert (error["column"], error["count"], error["rows"]) == ("distance", 1, [1])
    assert "10000" in error["rule"]
    assert "1000000" not in json.dumps(said)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"rows": [' + b"9" * 5000 + b"]}", 400),
        (b"[]", 422),
        (b'{"rows": []}', 422),
        (b'{"rows": {}}', 422),
        (b'{"rows": [1]}', 422),
        (b'{"rows": [{}], "more": 1}', 422),
    ],
)
def test_a_body_that_is_no_request_says_what_one_is(
    client: Client, body: bytes, status: int
) -> None:
    got, said = client.send("POST", "/predict", body)

    assert got == status
    assert "JSON" in said["error"] or "rows" in said["error"]


def test_a_body_beyond_the_limit_is_not_read_to_its_end(
    client: Client, row: dict[str, Any]
) -> None:
    many = [row | {"id": str(place)} for place in range(300)]

    assert client.predict(many)[0] == 200
    status, said = client.predict(many * 3)

    assert status == 413
    assert said == {"error": "at most 204800 bytes; send the rows in several requests"}
    assert client.predict(many)[0] == 200


def test_what_it_has_not_is_not_there(client: Client) -> None:
    assert client.get("/")[0] == 404
    assert client.get("/predict")[0] == 405


def test_a_client_that_goes_away_is_no_fault(client: Client, url: str, log: Path) -> None:
    rude = Client(url).connection
    rude.putrequest("POST", "/predict")
    rude.putheader("Content-Length", "1000")
    rude.endheaders(b"{")
    rude.close()

    assert client.get("/health/live")[0] == 200
    assert "Traceback" not in log.read_text()


def test_nothing_that_was_asked_stands_in_the_log(
    client: Client, row: dict[str, Any], log: Path
) -> None:
    client.predict([row | {"destination": "XSECRETX"}])
    client.send("POST", "/predict?XSECRETX", b"XSECRETX")

    assert "XSECRETX" not in log.read_text()
