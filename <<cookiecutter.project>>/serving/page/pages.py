"""The pages of a service for people: the form, the documentation, the model card."""

import hashlib
import json
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from markdown_it import MarkdownIt
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.about import About
from serving.explain import Explanation
from serving.page import docs, form, openapi, wording
from serving.rows.contract import Contract

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HTML = "text/html; charset=utf-8"
JSON = "application/json"
# Nothing from elsewhere, nothing inline, no frame around it.
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'"
)
EXAMPLES = 24  # rows to try: more than anybody presses through, in a few kilobytes
LINKS = {"./": "Try it", "docs": "Documentation", "model-card": "Model card"}

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Site:
    """What the pages show.

    The form asks `POST /predict` with {"rows": [row]}, then `POST /explain` with the same, which
    answers {"release", "model", "base", "prediction", "contributions": {field: number}}.
    """

    about: About
    contract: Contract
    examples: Sequence[dict[str, Any]] = ()  # reports/examples.json
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)  # reports/metrics.json
    card: str = ""  # reports/model-card.md
    explanation: Explanation | None = None  # of the first example


def routes(site: Site) -> list[Route]:
    """`/`, `/docs`, `/openapi.json`, `/model-card` and `/page/<asset>`; all is made once, here."""
    document = openapi.document(site.contract, site.examples, site.about, site.explanation)
    script = '<script type="module" src="page/page.js"></script>\n'
    written = {
        "/": (HTML, frame(site.about, "./", tried(site), script)),
        "/openapi.json": (JSON, json.dumps(document, ensure_ascii=False)),
        "/model-card": (HTML, frame(site.about, "model-card", text(card(site)))),
        "/page/examples.json": (JSON, json.dumps(rows(site), ensure_ascii=False)),
    } | {
        f"/page/{path.name}": (TYPES[path.suffix], path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.iterdir())
        if path.suffix in TYPES
    }

    async def documented(request: Request) -> Response:
        shown = text(docs.html(document, str(request.base_url)))
        return answer(request, HTML, frame(site.about, "docs", shown).encode())

    held = [Route(path, fixed(kind, body.encode())) for path, (kind, body) in written.items()]
    return [*held, Route("/docs", documented)]


def fixed(kind: str, body: bytes) -> Handler:
    async def handler(request: Request) -> Response:
        return answer(request, kind, body)

    return handler


def answer(request: Request, kind: str, body: bytes) -> Response:
    """A page or an asset; who has it already is told so. The next release may have another."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache", "content-security-policy": POLICY}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=kind)


def frame(about: About, current: str, main: str, head: str = "") -> str:
    """A page: what it says between header and footer."""
    links = "".join(
        f'<li><a href="{path}"{" aria-current=page" if path == current else ""}>{name}</a></li>'
        for path, name in LINKS.items()
    )
    name = "" if current == "./" else f"{LINKS[current]} · "
    return template("frame.html").substitute(
        title=escape(f"{name}{about.project} ({about.environment})"),
        project=escape(about.project),
        environment=escape(about.environment),
        number=about.number,
        release=escape(about.release),
        release_short=escape(about.release[:12]),
        model=escape(about.model),
        model_short=escape(about.model[:12]),
        head=head,
        links=links,
        main=main,
    )


def tried(site: Site) -> str:
    """The form, and the places for its answer."""
    about = site.about
    return template("form.html").substitute(
        heading=escape(wording.label(about.project.replace("-", " "))),
        description=escape(about.description),
        key=template("key.html").substitute() if about.keys else "",
        fields=form.fields(site.contract.schema),
        target=escape(about.target),
        objective=escape(about.objective),
        threshold="" if about.threshold is None else about.threshold,
        metrics=measured(site.metrics),
    )


def measured(metrics: dict[str, dict[str, float]]) -> str:
    """The metrics of the model beside those of its baselines."""
    if not metrics:
        return "<p>This release has no metrics.</p>"
    shown = [
        (
            escape(name.replace("_", " ")),
            *(f"{scores.get(name, math.nan):.3f}" for scores in metrics.values()),
        )
        for name in next(iter(metrics.values()))
    ]
    heads = [wording.label(name) for name in metrics]
    return docs.table(("Holdout", *heads), shown, "Metrics of the model and of its baselines")


def rows(site: Site) -> list[dict[str, Any]]:
    """Some recorded rows, evenly spread, without what is private."""
    apart = max(len(site.examples) // EXAMPLES, 1)
    chosen = site.examples[::apart][:EXAMPLES]
    return [openapi.public(site.contract.schema, example["row"]) for example in chosen]


def card(site: Site) -> str:
    """The model card; its HTML and its pictures stay text."""
    if not site.card:
        return "<h1>Model card</h1>\n<p>This release has none.</p>"
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    wide = '<div class="table" role="region" aria-label="Table" tabindex="0"><table>'
    parser.add_render_rule("table_open", lambda *_: wide)
    parser.add_render_rule("table_close", lambda *_: "</table></div>")
    return str(parser.render(site.card))


def text(body: str) -> str:
    return f'<div class="text">\n{body}\n</div>'


def template(name: str) -> Template:
    return Template((FOLDER / name).read_text(encoding="utf-8"))
