"""The pages load nothing from elsewhere and show nothing private, whatever the contract."""

import re
from dataclasses import replace
from typing import Any

import pytest

from serving.page import pages
from tests.serving import sites

PAGES = ["/", "/docs", "/model-card"]
ASSETS = ["page.js", "answer.js", "words.js", "page.css", "icon.svg", "examples.json"]


def client(**changes: Any) -> sites.Client:
    return sites.Client(sites.site(**changes))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_names_no_other_host_and_has_nothing_inline(path: str) -> None:
    found = client().get(path)
    links = re.findall(r'(?:href|src)="([^"]*)"', found.text)

    assert found.status == 200
    assert not [link for link in links if "//" in link or ":" in link]
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|<img", found.text)
    assert "default-src 'self'" in found.headers["content-security-policy"]
    assert "unsafe" not in found.headers["content-security-policy"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_a_language_one_heading_and_landmarks_and_says_where_it_is(path: str) -> None:
    text = client().get(path).text

    assert '<html lang="en">' in text
    assert text.count("<h1>") == 1
    for landmark in ("<header", "<nav", "<main", "<footer"):
        assert landmark in text
    assert "uat, deployment 3" in text
    assert "abababababab" in text
    assert not re.search(r"\$[a-z]", text)  # a place of a template that was not filled


def test_what_people_wrote_is_text() -> None:
    text = client().get("/").text

    assert "&lt;i&gt;fails&lt;/i&gt;" in text
    assert "<b>" not in text
    card = client().get("/model-card").text
    assert "&lt;script&gt;" in card
    assert 'href="javascript' not in card
    assert "<h1>A card</h1>" in card
    assert "<td>1</td>" in card


def test_nothing_private_is_shown() -> None:
    asked = client()

    for path in (*PAGES, "/openapi.json", "/page/examples.json"):
        assert "hidden-" not in asked.get(path).text
    assert len(asked.get("/page/examples.json").json()) == pages.EXAMPLES


def test_a_release_without_records_has_pages_too() -> None:
    bare = replace(sites.site(), examples=(), metrics={}, card="", explanation=None)
    asked = sites.Client(bare)

    for path in PAGES:
        assert asked.get(path).status == 200
    assert asked.get("/page/examples.json").json() == []


@pytest.mark.parametrize("path", [*PAGES, *(f"/page/{name}" for name in ASSETS)])
def test_what_a_browser_has_is_not_sent_again(path: str) -> None:
    asked = client()
    first = asked.get(path)
    again = asked.get(path, {"if-none-match": first.headers["etag"]})
    changed = asked.get(path, {"if-none-match": '"other"'})

    assert (first.status, again.status, changed.status) == (200, 304, 200)
    assert again.text == ""
    assert first.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/page/", "/page/none.js", "/page/frame.html", "/page/../pages.py", "/page/%2e%2e/x"]
)
def test_only_listed_files_are_served(path: str) -> None:
    assert client().get(path).status == 404


def test_the_documentation_names_the_address_that_was_asked() -> None:
    text = client().get("/docs", {"host": "models.example:81"}).text
    evil = client().get("/docs", {"host": 'x"><script>y'}).text

    assert "curl http://models.example:81/predict" in text
    assert "<script>" not in evil


def test_a_key_is_asked_for_where_it_is_needed_and_is_not_kept() -> None:
    assert 'type="password"' in client(keys=True).get("/").text
    assert 'type="password"' not in client().get("/").text
    for name in ("page.js", "answer.js", "words.js"):
        text = client().get(f"/page/{name}").text
        assert not re.search("localStorage|sessionStorage|cookie|innerHTML", text)
