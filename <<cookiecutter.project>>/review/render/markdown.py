"""A report as GitHub-flavoured Markdown, which fits whatever the report holds."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from html import escape
from itertools import accumulate
from typing import NamedTuple

from review.render.charts import Chart
from review.render.document import TONES, Block, Code, Document, Section, Table, Text, cell, plain
from review.render.mermaid import legend, mermaid


class _Rows(NamedTuple):
    """A table as lines, with the bytes that its first lines take."""

    head: str
    lines: Sequence[str]
    bytes: Sequence[int]
    keep: int

    def render(self, room: float) -> str:
        shown = max(self.keep, bisect_right(self.bytes, room))
        cut = len(self.lines) - shown
        note = f"\n*… {cut:,} more rows: in the page*\n" if cut > 0 else ""
        return "".join([self.head, *self.lines[:shown], note])


class _Drawing(NamedTuple):
    text: str
    title: str


_Part = str | _Rows | _Drawing


def markdown(document: Document, limit: int = 60_000) -> str:
    """Less than `limit` bytes: rows go first, then folded charts, then sections; it says so."""
    sections = [
        (section, [_part(block) for block in section.blocks]) for section in document.sections
    ]
    charts = [
        (i, j)
        for i, (section, parts) in enumerate(sections)
        for j, part in enumerate(parts)
        if section.folded and isinstance(part, _Drawing)
    ][::-1]
    head = f"# {TONES[document.tone]} {cell(document.title)}\n\n{document.lead.strip()}\n"

    def render(drops: int, room: float) -> str:
        gone = set(charts[:drops])
        kept = len(sections) - max(0, drops - len(charts))
        pieces = [head]
        for i, (section, parts) in enumerate(sections[:kept]):
            shown = [_render(part, room, (i, j) in gone) for j, part in enumerate(parts)]
            pieces.append(_section(section, shown))
        if kept < len(sections):
            pieces.append(f"*… {len(sections) - kept:,} more sections: in the page*\n")
        return "\n".join(pieces).encode("utf-8", "replace").decode()

    def too_long(drops: int, room: float) -> bool:
        return len(render(drops, room).encode()) >= limit

    if not too_long(0, float("inf")):
        return render(0, float("inf"))
    steps = range(len(charts) + len(sections) + 1)
    drops = bisect_left(steps, True, key=lambda step: not too_long(step, 0))
    if drops == len(steps):
        raise ValueError(f"title and lead alone take {len(head.encode())} bytes of {limit}")
    # The largest room that fits, so that the largest tables lose their rows first.
    room = bisect_left(range(limit), True, key=lambda room: too_long(drops, room)) - 1
    return render(drops, max(room, 0))


def _section(section: Section, shown: list[str]) -> str:
    body = "\n".join(shown)
    if not section.folded:
        return f"## {cell(section.title)}\n\n{body}"
    title = escape(plain(section.title))
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n</details>\n"


def _part(block: Block) -> _Part:
    match block:
        case Text():
            return block.markdown.strip() + "\n"
        case Code():
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.text)), default=0))
            language = re.sub(r"[^\w+-]", "", block.language)
            return f"{fence}{language}\n{block.text.rstrip()}\n{fence}\n"
        case Table():
            rules = ["--:" if numeric else ":--" for numeric in block.numeric]
            lines = [_line(row) for row in block.rows]
            sizes = list(accumulate(len(line.encode("utf-8", "replace")) for line in lines))
            return _Rows(_line(block.header) + _line(rules), lines, sizes, block.keep)
        case Chart():
            if not block.drawn:
                return f"*{cell(block.title)}: no values to draw.*\n"
            key = " · ".join(cell(item) for item in legend(block))
            return _Drawing(f"```mermaid\n{mermaid(block)}\n```\n\n{key}\n", block.title)


def _render(part: _Part, room: float, gone: bool) -> str:
    match part:
        case _Rows():
            return part.render(room)
        case _Drawing():
            return f"*… {cell(part.title)}: in the page*\n" if gone else part.text
        case _:
            return part


def _line(cells: Sequence[str]) -> str:
    """One row; a pipe or a line break in a cell cannot end it."""
    text = (re.sub(r"(\\*)\|", _pipe, " ".join(one.split())) for one in cells)
    return f"| {' | '.join(text)} |\n"


def _pipe(match: re.Match[str]) -> str:
    # Parsers differ on a pipe after several backslashes.
    return "\\|" if len(match[1]) < 2 else f"{match[1]}&#124;"
