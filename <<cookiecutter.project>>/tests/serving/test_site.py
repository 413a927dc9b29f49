"""Pages are made of what the service holds, and what they have not is refused as all is."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from serving import release, settings, site, start
from tests.serving import bundles

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask for a page in this process."""
    monkeypatch.chdir(bundle)
    held = release.read(Path())
    app = site.app(*start.service(held, settings.read("dev"), "dev", 1, None, lambda: False))

    async def asked(path: str, method: str) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path)

    return lambda path, method="GET": asyncio.run(asked(path, method))


def test_the_document_has_an_example_that_is_the_release_s(ask: Ask, bundle: Path) -> None:
    said = ask("/openapi.json").json()

    text = str(said["paths"]["/predict"]["post"])
    assert str(bundles.examples(bundle)[0]["prediction"]) in text


@pytest.mark.parametrize("path", ["/", "/docs", "/model-card"])
def test_a_page_is_there(ask: Ask, path: str) -> None:
    assert ask(path).status_code == 200


def test_what_is_not_there_is_refused_as_all_is(ask: Ask) -> None:
    for answer, status in ((ask("/nowhere"), 404), (ask("/docs", "POST"), 405)):
        assert answer.status_code == status
        assert answer.json()["errors"][0]["field"] is None
