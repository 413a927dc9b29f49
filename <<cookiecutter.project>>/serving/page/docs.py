"""The OpenAPI document as a page: it needs no script and no other host."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from serving.page import wording

Json = Mapping[str, Any]
SHAPES = {
    "Columns": "As columns",
    "OneRowOfColumns": "As columns",
    "Records": "As records",
}
WIDE = 4  # columns: more are scrolled in a narrow window, where they would be one word wide
LINE = 80  # characters: what stands side by side in a narrow window


def html(document: Json, url: str) -> str:
    """What stands between header and footer; `url` is where this service was reached."""
    asked = [(path, each["post"]) for path, each in document["paths"].items() if "post" in each]
    links = [("fields", "Fields"), *((anchor(path), one["summary"]) for path, one in asked)]
    links += [("errors", "Errors"), ("reading", "Other routes")]
    contents = "".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in links)
    key = "securitySchemes" in document["components"]
    return "\n".join(
        [
            f"<h1>How to ask {escape(document['info']['title'])}</h1>",
            paragraph(document["info"]["description"], "lead"),
            '<p>For programs: <a href="openapi.json">the OpenAPI document</a>.</p>',
            f'<nav aria-label="Contents"><ul class="contents">{contents}</ul></nav>',
            section("fields", "Fields", fields(document["components"]["schemas"]["Row"])),
            *(
                section(anchor(path), one["summary"], route(path, one, url, key))
                for path, one in asked
            ),
            section("errors", "Errors", errors(document)),
            section("reading", "Other routes", reading(document)),
        ]
    )


def anchor(path: str) -> str:
    return f"route-{path.strip('/')}"


def section(identity: str, title: str, body: str) -> str:
    return f'<section id="{identity}"><h2>{escape(title)}</h2>\n{body}</section>'


def paragraph(text: str, name: str = "") -> str:
    return f'<p class="{name}">{inline(text)}</p>' if name else f"<p>{inline(text)}</p>"


def inline(text: str) -> str:
    """Text in which words in backquotes are code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], label: str) -> str:
    """Rows of HTML; whoever scrolls without a mouse can reach it."""
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    name = "wide table" if len(head) > WIDE else "table"
    return (
        f'<div class="{name}" role="region" aria-label="{escape(label)}" tabindex="0"><table>'
        f"<thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>\n"
    )


def fields(row: Json) -> str:
    about = paragraph(str(row.get("description", "")))
    note = paragraph("Every field must be there; what may be unknown is then `null`.")
    rows = []
    for name, said in row["properties"].items():
        kind = wording.kind(said)
        shape = wording.TYPES.get(said.get("format", ""), wording.TYPES.get(kind, kind))
        marks = [
            text
            for mark, text in (
                ("x-key", "names the row; the model does not see it"),
                ("x-unique", "once in a request"),
                ("x-private", "private: not kept as it is, and in no example"),
            )
            if said.get(mark)
        ]
        help_text = "; ".join(part for part in [said.get("description", ""), *marks] if part)
        rows.append(
            (
                f"<code>{escape(name)}</code>",
                shape + (" or unknown" if wording.nullable(said) else ""),
                escape(wording.rules(said)),
                escape(str(said.get("x-unit", ""))),
                escape(help_text),
            )
        )
    return about + note + table(("Field", "Type", "Values", "Unit", "About"), rows, "Fields")


def route(path: str, said: Json, url: str, key: bool) -> str:
    content = said["requestBody"]["content"]["application/json"]
    (_, first), *others = content["examples"].items()
    parts = [
        f'<p class="route"><code>POST {escape(path)}</code></p>',
        paragraph(said["description"]),
        code("Example request", command(url, path, first["value"], key)),
    ]
    for name, other in others:
        asked = code(f"The same: {name}", command(url, path, other["value"], key))
        parts.append(f"<details><summary>{escape(SHAPES[name])}</summary>{asked}</details>")
    for status, answer in said["responses"].items():
        shown = answer.get("content", {}).get("application/json", {})
        if "example" in shown:
            parts.append(
                f"<p>Answer {status}:</p>" + code("Example answer", laid(shown["example"]))
            )
        elif "description" in answer:
            parts.append(paragraph(f"Answer {status}: {answer['description']}"))
    return "\n".join(parts)


def command(url: str, path: str, body: Any, key: bool) -> str:
    lines = [f"curl {shlex.quote(url.rstrip('/') + path)}"]
    if key:
        lines.append('-H "Authorization: Bearer $API_KEY"')
    lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(laid(body))}"]
    return " \\\n  ".join(lines)


def laid(value: Any, margin: str = "") -> str:
    """JSON in lines of a readable length."""
    plain = json.dumps(value, ensure_ascii=False)
    if len(margin) + len(plain) <= LINE or not isinstance(value, dict | list):
        return plain
    inner = margin + " "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {laid(each, inner)}" for key, each in value.items()]
    else:
        parts = [laid(each, inner) for each in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    body = f",\n{inner}".join(parts)
    return f"{start}\n{inner}{body}\n{margin}{end}"


def code(label: str, text: str) -> str:
    where = f'role="region" aria-label="{escape(label)}" tabindex="0"'
    return f"<pre {where}><code>{escape(text)}</code></pre>\n"


def errors(document: Json) -> str:
    example = {
        "errors": [{"field": "name", "rule": "must be a number", "count": 3, "rows": [0, 4, 7]}]
    }
    statuses: dict[str, str] = {}
    for path in document["paths"].values():
        for status, answer in path.get("post", {}).get("responses", {}).items():
            if "$ref" in answer:
                statuses[status] = answer["$ref"].rpartition("/")[2]
    known = document["components"]["responses"]
    rows = [(status, escape(known[name]["description"])) for status, name in statuses.items()]
    text = (
        "Each error names the field, the rule that is broken, how many rows break it and the first "
        "of them, counted from 0; never a value. All that is wrong is said at once."
    )
    return (
        paragraph(text) + code("Example error", laid(example)) + table(("Status", "When"), rows, "")
    )


def reading(document: Json) -> str:
    rows = [
        (f'<a href=".{escape(path)}"><code>GET {escape(path)}</code></a>', said["get"]["summary"])
        for path, said in document["paths"].items()
        if "get" in said
    ]
    shown = [(link, inline(text)) for link, text in rows]
    return table(("Route", "What it says"), shown, "Other routes")
