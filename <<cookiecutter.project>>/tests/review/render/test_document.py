"""What comes from data shows as itself, and does nothing else."""

import re
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from review.render.document import Table, cell

GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shown(markdown: str) -> str:
    """The text that a reader sees, without the invisible breaks."""
    (block,) = re.findall(r"<p>(.*)</p>\n", GFM.render(markdown), re.DOTALL)
    return unescape(block).replace("\u200b", "")


@given(st.text())
@example("a | b \\| c \\")
@example("`code` **bold** ~~gone~~ [x](y) ![x](y) $m$ <b>&amp;")
@example("- item")
@example("12. item")
@example("1) item")
@example("---")
@example("===")
@example("# title")
@example("+")
@example("    indented")
def test_a_cell_shows_its_value_and_no_markup(text: str) -> None:
    value = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if value and len(text) <= 200:
        assert shown(cell(text)) == value


@pytest.mark.parametrize(
    "text",
    ["@team", "owner/name#12", "#12", "GH-12", "https://a.example", "www.a.example", ":tada:"],
)
def test_a_cell_links_nothing_and_pings_nobody(text: str) -> None:
    # Forges look for these in the text that a reader sees, so escapes would not stop them.
    read = unescape(GFM.render(cell(text)))

    assert text not in read
    assert text in read.replace("\u200b", "")


def test_a_cell_is_short() -> None:
    assert cell("x" * 10**6) == "x" * 199 + "…"


def test_a_missing_value_is_a_dash() -> None:
    assert cell(None) == "—"


def test_times_and_numbers_stay_as_they_are() -> None:
    for value in (-1, -0.5, "10:30", "1.5 %", "2013-12-01"):
        assert cell(value) == str(value)


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row 1 has 1 cells: the header \('a', 'b'\)"):
        Table(("a", "b"), (("1", "2"), ("1",)))


def test_columns_of_numbers_are_told_from_text() -> None:
    table = Table(
        ("name", "value", "interval", "unit", "words", "empty"),
        (
            ("a1", "1,000", "[+0.01, +0.02]", "1.2 MB", "3 of them", ""),
            ("b2", "**−0.5 %**", "[−0.01, 0.02]", "—", "none", ""),  # noqa: RUF001
        ),
    )

    assert table.numeric == (False, True, True, True, False, False)
