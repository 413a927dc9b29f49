"""A report as one HTML file that needs nothing else: no script, no font, no other host."""

import re
from collections.abc import Callable
from functools import cache
from html import escape
from importlib.resources import files

from markdown_it import MarkdownIt

from review.render.charts import Chart
from review.render.document import FAIL, PASS, WARN, Block, Code, Document, Section, Table, Text
from review.render.figure import figure

ICONS = {"good": "▲", "bad": "▼", "neutral": "="}
MARKS = {PASS: ("good", "✓"), FAIL: ("bad", "✕"), WARN: ("warn", "!")}
# Belt and braces: even what a report's own text might smuggle in could load nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

Inline = Callable[[str], str]


def html(document: Document) -> str:
    """The whole report; nothing is shortened."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.disable("image")
    # Tables repeat themselves, and most of their cells are plain.
    inline = cache(
        lambda text: parser.renderInline(text) if re.search(r"[^\w\s.,%+–—→()/=-]", text) else text  # noqa: RUF001
    )
    sections = "".join(
        _section(section, index, parser.render, inline)
        for index, section in enumerate(document.sections)
    )
    contents = "".join(
        f'<li><a href="#s{index}">{escape(section.title)}</a></li>'
        for index, section in enumerate(document.sections)
    )
    style = files("review.render").joinpath("page.css").read_text(encoding="utf-8")
    title = escape(document.title)
    page = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<nav aria-label="Sections"><ol>{contents}</ol></nav>\n<main>\n<h1>{title}</h1>\n'
        f'<div class="verdict {document.tone}"><span aria-hidden="true">{ICONS[document.tone]}'
        f"</span><div>{parser.render(document.lead)}</div></div>\n"
        f"{sections}</main>\n</body>\n</html>\n"
    )
    return page.encode("utf-8", "replace").decode()


def _section(section: Section, index: int, render: Inline, inline: Inline) -> str:
    pieces: list[str] = []
    for place, block in enumerate(section.blocks):
        # Neighbouring charts share a grid.
        before = place > 0 and isinstance(section.blocks[place - 1], Chart)
        after = place + 1 < len(section.blocks) and isinstance(section.blocks[place + 1], Chart)
        chart = isinstance(block, Chart)
        pieces.append('<div class="charts">' if chart and not before else "")
        pieces.append(_block(block, render, inline))
        pieces.append("</div>\n" if chart and not after else "")
    body, title = "".join(pieces), escape(section.title)
    if section.folded:
        # The target lies inside, so that a link to it unfolds it.
        opened = f'<details>\n<summary><h2>{title}</h2></summary>\n<div id="s{index}">'
        return f"<section>{opened}\n{body}</div></details></section>\n"
    return f'<section id="s{index}">\n<h2>{title}</h2>\n{body}</section>\n'


def _block(block: Block, render: Inline, inline: Inline) -> str:
    match block:
        case Text():
            return f'<div class="text">{render(block.markdown)}</div>\n'
        case Code():
            return f"<pre><code>{escape(block.text.rstrip())}</code></pre>\n"
        case Chart():
            return figure(block)
        case Table():
            return _table(block, inline)


def _table(table: Table, inline: Inline) -> str:
    classes = [' class="number"' if numeric else "" for numeric in table.numeric]
    names = zip(classes, table.header, strict=True)
    head = "".join(f'<th scope="col"{kind}>{inline(name)}</th>' for kind, name in names)
    rows = (
        "".join(
            f"<td{kind}>{_cell(text, inline)}</td>" for kind, text in zip(classes, row, strict=True)
        )
        for row in table.rows
    )
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    # Focusable, so that the keyboard can scroll it as well.
    return (
        f'<div class="table" tabindex="0"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>\n"
    )


def _cell(text: str, inline: Inline) -> str:
    for mark, (tone, sign) in MARKS.items():
        if text.startswith(mark):
            rest = inline(text.removeprefix(mark).strip())
            sign = f'<span class="sign" aria-hidden="true">{sign}</span>'
            return f'<span class="mark {tone}">{sign}{rest}</span>'
    return inline(text)
