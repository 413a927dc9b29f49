"""A running service answers, and says what is wrong with what it can't answer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import files
from tests.serving import bundles
from tests.serving.clients import Client


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service") / "service.log"


@pytest.fixture(scope="module")
def url(bundle: Path, log: Path) -> Iterator[str]:
    worker = bundles.served(bundle, log.parent)
    yield worker.state(bundles.SECONDS).url
    bundles.end(worker)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = Client(url)
    yield client
    client.close()


@pytest.fixture
def row(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = bundles.examples(bundle)[0]["row"]
    return found


def test_it_lives_and_is_ready(client: Client) -> None:
    assert client.get("/health/live")[:2] == (200, {"live": True})
    assert client.get("/health/ready")[:2] == (200, {"ready": True})
    assert client.get("/ping").status == 200


@pytest.mark.parametrize("path", ["/release", "/version"])
def test_it_names_its_release(client: Client, bundle: Path, path: str) -> None:
    status, said, _ = client.get(path)

    assert status == 200
    assert said.pop("started").endswith("+00:00")
    assert said == {
        "tree": "a" * 40,
        "environment": "dev",
        "number": 1,
        "model_sha256": bundles.digest(bundle / files.ONNX),
    }


def test_it_proves_the_bytes_that_it_holds(client: Client, bundle: Path) -> None:
    said = client.get("/release?prove").said

    kept = {f"models/{path.name}": bundles.digest(path) for path in (bundle / "models").iterdir()}
    assert said["files"] == kept
    assert str(files.ENCODINGS) in kept


def test_its_answers_are_those_of_the_evaluation(client: Client, bundle: Path) -> None:
    known = bundles.examples(bundle)
    right = [example["prediction"] for example in known]

    status, said, _ = client.predict([example["row"] for example in known])

    assert (status, said["release"]) == (200, "a" * 40)
    assert said["model"] == bundles.digest(bundle / files.ONNX)
    assert said["predictions"] == pytest.approx(right, abs=1e-6)
    threshold = files.read_json(bundle / files.DECISION)["threshold"]
    assert said["decisions"] == [one >= threshold for one in said["predictions"]]
    assert len(set(said["ids"])) == len(known)


def test_one_row_is_answered_as_many_are(client: Client, bundle: Path) -> None:
    for example in bundles.examples(bundle)[:5]:
        said = client.predict([example["row"]]).said
        assert said["predictions"] == pytest.approx([example["prediction"]], abs=1e-6)


def test_clients_of_mlflow_are_answered_as_they_are_used_to(client: Client, bundle: Path) -> None:
    example = bundles.examples(bundle)[0]

    status, said, _ = client.post("/invocations", {"dataframe_records": [example["row"]]})

    assert status == 200
    assert said == {"predictions": pytest.approx([example["prediction"]], abs=1e-6)}


def test_an_answer_is_explained(client: Client, row: dict[str, Any]) -> None:
    (prediction,) = client.predict([row]).said["predictions"]

    status, said, _ = client.post("/explain", {"rows": [row]})

    assert status == 200
    assert said["prediction"] == pytest.approx(prediction, abs=1e-6)
    assert said["base"] + sum(said["contributions"].values()) == pytest.approx(prediction, abs=1e-6)
    assert client.post("/explain", {"rows": [row, row | {"id": "b"}]}).status == 422


def test_labels_are_taken(client: Client, row: dict[str, Any]) -> None:
    (name,) = client.predict([row]).said["ids"]

    assert client.post("/feedback", {"labels": [{"id": name, "label": True}]}).status == 202
    assert client.post("/feedback", {"labels": []}).status == 422


def test_a_row_that_breaks_the_contract_is_named_by_field_and_rule(
    client: Client, row: dict[str, Any]
) -> None:
    status, said, _ = client.predict([row, row | {"id": "other", "distance": 1e6, "origin": 1}])

    assert status == 422
    found = {error["field"]: error for error in said["errors"]}
    assert found.keys() == {"distance", "origin"}
    assert (found["distance"]["count"], found["distance"]["rows"]) == (1, [1])
    assert "1000000" not in json.dumps(said)


@pytest.mark.parametrize("path", ["/predict", "/invocations", "/explain", "/feedback"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_request_is_refused(client: Client, path: str, body: bytes) -> None:
    status, said, _ = client.send("POST", path, body)

    assert status in (400, 422)
    assert said["errors"]


def test_what_it_has_not_is_not_there(client: Client) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("GET", "/predict", 405)):
        answer = client.send(method, path, None)
        assert answer.status == status
        assert answer.said["errors"][0]["field"] is None


def test_each_answer_has_the_name_of_its_request(client: Client, row: dict[str, Any]) -> None:
    assert client.predict([row], X_Request_ID="mine-1.2").headers["x-request-id"] == "mine-1.2"
    for wrong in ("", "a b", "x" * 65, "é"):
        named = client.predict([row], X_Request_ID=wrong).headers["x-request-id"]
        assert named != wrong
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", named)
    names = {client.get("/health/live").headers["x-request-id"] for _ in range(3)}
    assert len(names) == 3


def test_browsers_are_told_what_to_trust(client: Client, row: dict[str, Any]) -> None:
    pages = [client.get(path) for path in ("/", "/docs", "/openapi.json", "/nowhere")]
    for answer in (*pages, client.predict([row]), client.predict([{}])):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "date" in answer.headers
        assert "server" not in answer.headers
    for page in pages:
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
    assert client.predict([row]).headers["cache-control"] == "no-store"


def test_figures_are_told(client: Client, row: dict[str, Any]) -> None:
    client.predict([row])
    client.predict([{}])

    status, said, headers = client.get("/metrics")

    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    text = said.decode()
    assert re.search(
        r'service_requests_total\{route="/predict",status="200",worker="\d+"\} [1-9]', text
    )
    assert re.search(
        r'service_errors_total\{field="origin",status="422",worker="\d+"\} [1-9]', text
    )
    assert f'release="{"a" * 40}"' in text


def test_a_client_that_goes_away_is_no_fault(client: Client, url: str, log: Path) -> None:
    rude = Client(url).connection
    rude.putrequest("POST", "/predict")
    rude.putheader("Content-Length", "1000")
    rude.endheaders(b"{")
    rude.close()

    assert client.get("/health/live").status == 200
    assert "fault" not in log.read_text()


def test_its_log_is_lines_of_json_without_what_was_asked(
    client: Client, row: dict[str, Any], log: Path
) -> None:
    client.predict([row | {"destination": "XSECRETX"}])
    client.send("POST", "/predict?XSECRETX", b"XSECRETX")
    client.get("/XSECRETX")

    assert "XSECRETX" not in log.read_text()
    assert [json.loads(line)["event"] for line in log.read_text().splitlines()] == ["ready"]
