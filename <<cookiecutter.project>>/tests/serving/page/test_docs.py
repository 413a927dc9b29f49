"""The documentation says every field, route and error, and its commands are right."""

import json
import re
import shlex
from html import unescape
from typing import Any

import pytest

from serving.page import docs, openapi
from tests.serving import sites

URL = "http://127.0.0.1:8101/"


def page(**changes: Any) -> str:
    site = sites.site(**changes)
    document = openapi.document(site.contract, site.examples, site.about, site.explanation)
    return docs.html(document, URL)


def commands(text: str) -> list[list[str]]:
    found = [unescape(one) for one in re.findall(r"<code>(curl .*?)</code>", text, re.DOTALL)]
    return [shlex.split(one.replace("\\\n", " ")) for one in found]


def test_every_field_stands_there_with_its_rules() -> None:
    text = page()

    for part in ("heat_inside", "&lt;b&gt;&amp;", "°C", "-40.5 to 900", "lathe, mill &lt;2"):
        assert part in text
    assert "number or unknown" in text
    assert "private" in text
    assert "<b>" not in text
    assert "hidden" not in text


def test_every_route_has_a_command_that_a_shell_takes() -> None:
    found = commands(page())

    assert [words[1] for words in found] == [
        f"{URL}predict",
        f"{URL}predict",
        f"{URL}explain",
        f"{URL}explain",
        f"{URL}feedback",
        f"{URL}invocations",
        f"{URL}invocations",
    ]
    first = json.loads(found[0][found[0].index("-d") + 1])
    assert first["rows"][0]["serial"] == "it's 0"
    assert not any("Authorization" in word for words in found for word in words)


def test_commands_bring_the_key_where_one_is_asked_for() -> None:
    assert all("Authorization: Bearer $API_KEY" in words for words in commands(page(keys=True)))


def test_every_status_and_every_other_route_is_named() -> None:
    text = page()

    for status in (400, 413, 415, 422, 429, 500, 503):
        assert f'<th scope="row">{status}</th>' in text
    for path in ("/metrics", "/health/ready", "/version", "/openapi.json", "/model-card"):
        assert f'href=".{path}"' in text


@pytest.mark.parametrize("value", [{}, [], {"a": [1, {"b": "c" * 90}]}, [[1] * 60], "x", None])
def test_json_in_lines_is_the_same_json(value: Any) -> None:
    assert json.loads(docs.laid(value)) == value


def test_short_json_is_one_line_and_long_json_is_not() -> None:
    assert "\n" not in docs.laid({"a": [1, 2]})
    assert max(map(len, docs.laid({str(place): place for place in range(99)}).split("\n"))) < 20
