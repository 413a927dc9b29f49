"""A report as data. `markdown` and `page` render it."""

import re
from dataclasses import dataclass
from typing import Literal

from review.render.charts import Chart

Tone = Literal["good", "bad", "neutral"]
TONES: dict[Tone, str] = {"good": "🟢", "bad": "🔴", "neutral": "⚪"}
# What a cell may start with, so that pass and fail do not rely on colour; the page draws its own.
PASS, FAIL, WARN = "✅", "❌", "⚠️"
_NUMBER = re.compile(r"[\[(<>≤≥≈±+\-−–\s]*\d[\d\s.,eE%+\-−–±→/…\[\]()]*([a-zA-Zµ]{1,3})?")  # noqa: RUF001


@dataclass(frozen=True)
class Text:
    markdown: str


@dataclass(frozen=True)
class Table:
    """Cells are Markdown: what comes from data goes through `cell`."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    keep: int = 5

    def __post_init__(self) -> None:
        for index, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise ValueError(f"row {index} has {len(row)} cells: the header {self.header}")

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers, judged by the first rows: they are set to the right."""
        return tuple(
            any(values) and all(_NUMBER.fullmatch(value) for value in values if value)
            for values in (
                [row[index].strip("*—` ").replace("\\", "") for row in self.rows[:100]]
                for index in range(len(self.header))
            )
        )


@dataclass(frozen=True)
class Code:
    text: str
    language: str = "sh"


Block = Text | Table | Code | Chart


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple[Block, ...]
    folded: bool = False


@dataclass(frozen=True)
class Document:
    """The lead is the verdict, in Markdown; titles, also those of sections, are plain text."""

    title: str
    lead: str
    sections: tuple[Section, ...]
    tone: Tone = "neutral"


_ESCAPES = str.maketrans(
    {
        **{mark: f"\\{mark}" for mark in "`*_~[]!#"},
        **{mark: f"&#{ord(mark)};" for mark in "\\|$<>&"},
    }
)


def cell(value: object) -> str:
    """What comes from data, as Markdown that only shows it: no markup, no mention, one line."""
    text = plain("—" if value is None else str(value)).translate(_ESCAPES)
    return re.sub(r"^(\d*)([-+=](?=[-+=\s]|$)|[.)](?=\s|$))", r"\1\\\2", text)


def plain(text: str) -> str:
    """One line of at most 200 characters, with what forges turn into links broken invisibly."""
    text = "".join(c if c.isprintable() else " " for c in text[:400])
    text = " ".join(text.split())
    text = text if len(text) <= 200 else text[:199] + "…"
    return re.sub(
        r"[@#](?=\w)|(?i:GH)-(?=\d)|:(?=//|[\w+-]+:)|(?i:www)(?=\.)", "\\g<0>\u200b", text
    )
