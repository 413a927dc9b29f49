"""What costs nothing is told without a key, and without loading what shows pages."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import bundles
from tests.serving.clients import Client


@pytest.fixture(scope="module")
def url(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that asks for keys."""
    folder = tmp_path_factory.mktemp("service")
    keys = folder / "keys"
    keys.write_text(f"one {hashlib.sha256(b'right').hexdigest()}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_KEYS_FILE", str(keys))
        worker = bundles.served(bundle, folder)
    yield worker.state(bundles.SECONDS).url
    bundles.end(worker)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = Client(url)
    yield client
    client.close()


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/ping", "/release?prove", "/version", "/metrics"]
)
def test_no_key_is_asked_for(client: Client, path: str) -> None:
    assert client.get(path).status == 200


def test_answers_ask_for_one(client: Client, bundle: Path) -> None:
    rows = [bundles.examples(bundle)[0]["row"]]

    assert client.predict(rows).status == 401
    assert client.predict(rows, X_API_Key="right").status == 200  # pragma: allowlist secret


def test_head_is_get_without_a_body(client: Client) -> None:
    status, said, headers = client.send("HEAD", "/health/ready", None)

    assert (status, said) == (200, b"")
    assert int(headers["content-length"]) > 0


def test_another_method_is_told_which_one_is_right(client: Client) -> None:
    for method, path, right in (("POST", "/release", "GET, HEAD"), ("PUT", "/predict", "POST")):
        status, said, headers = client.send(method, path, b"")
        assert (status, headers["allow"]) == (405, right)
        assert said["errors"]


def test_a_start_loads_nothing_that_an_answer_does_without(bundle: Path) -> None:
    code = (
        "import json, sys; from pathlib import Path; from serving import release, settings, start\n"
        "from serving import server\n"
        "service, known = start.service(release.read(Path()), settings.read('dev'), 'dev', 1, "
        "None, lambda: False)\n"
        "start.app(service, known)\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=bundle,
        capture_output=True,
        text=True,
        check=True,
        timeout=bundles.SECONDS,
    )

    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    heavy = {"sqlalchemy", "prometheus_client", "nanoarrow", "markdown_it", "polars", "pandas"}
    heavy |= {"pandera", "pydantic", "yaml", "lightgbm", "sklearn", "mlflow"}
    heavy |= {"click", "multiprocessing", "shutil", "tempfile"}
    assert not loaded & heavy
    assert "starlette.applications" not in json.loads(done.stdout)
