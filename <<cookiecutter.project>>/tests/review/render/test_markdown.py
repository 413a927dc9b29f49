"""The Markdown of a report is valid, below its limit, and says what it leaves out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from review.render.charts import Chart, Series
from review.render.document import Block, Code, Document, Section, Table, Text, cell
from review.render.markdown import markdown

GFM = MarkdownIt("commonmark").enable("table")
CHART = Chart("Curve", "x", "y", (0, 1), (Series("s", (1.0, 2.0)),))


def document(*blocks: Block, folded: bool = False) -> Document:
    return Document("Title", "Lead.", (Section("Section", blocks, folded),))


def size(text: str) -> int:
    return len(text.encode())


def numbered(rows: int) -> Table:
    return Table(("number", "text"), tuple((str(index), "some text") for index in range(rows)))


@given(st.text(), st.lists(st.lists(st.text(), min_size=3, max_size=3).map(tuple)), st.booleans())
def test_no_text_breaks_a_table(text: str, rows: list[tuple[str, ...]], escaped: bool) -> None:
    data = tuple(tuple(cell(one) if escaped else one for one in row) for row in rows)
    table = Table((cell(text), "b", "c"), data)

    tokens = GFM.parse(markdown(Document(text, "Lead.", (Section(text, (table,)),))))

    counts = [
        sum(one.type in ("th_open", "td_open") for one in tokens[start:end])
        for start, end in zip(
            (i for i, one in enumerate(tokens) if one.type == "tr_open"),
            (i for i, one in enumerate(tokens) if one.type == "tr_close"),
            strict=True,
        )
    ]
    assert counts == [3] * (1 + len(rows))
    assert [one.tag for one in tokens if one.type == "heading_open"] == ["h1", "h2"]


blocks = st.one_of(
    st.text(max_size=300).map(lambda text: Text(cell(text))),
    st.text(max_size=300).map(Code),
    st.integers(0, 60).map(numbered),
    st.just(CHART),
)
sections = st.lists(
    st.builds(
        Section, st.text(max_size=80), st.lists(blocks, max_size=4).map(tuple), st.booleans()
    ),
    max_size=12,
).map(tuple)


@settings(deadline=None)
@given(sections, st.integers(400, 6_000))
def test_any_report_is_below_any_limit_with_its_lead(
    parts: tuple[Section, ...], limit: int
) -> None:
    text = markdown(Document("Title", "The **lead**, intact.", parts), limit)

    assert size(text) < limit
    assert text.startswith("# ⚪ Title\n\nThe **lead**, intact.\n")
    assert text.count("<details>") == text.count("</details>")


def test_a_report_of_any_size_is_below_the_limit() -> None:
    sections = tuple(
        Section(f"Section {index}", (numbered(100), CHART, Text("Text.")), folded=index % 2 == 0)
        for index in range(2_000)
    )

    text = markdown(Document("Title", "Lead.", sections))

    assert 50_000 < size(text) < 60_000
    assert "more sections: in the page*" in text


def test_rows_go_first_and_the_largest_table_loses_most() -> None:
    text = markdown(document(numbered(40), numbered(200_000), CHART, folded=True), 20_000)

    assert text.count("more rows: in the page") == 1
    assert "| 39 | some text |" in text
    assert "```mermaid" in text
    assert 19_900 < size(text) < 20_000
    shown = sum(line.endswith("| some text |") for line in text.splitlines())
    assert f"*… {200_040 - shown:,} more rows: in the page*" in text


def test_then_charts_of_folded_sections_go_the_last_one_first() -> None:
    sections = tuple(Section(f"S{i}", (CHART, numbered(9)), folded=i > 0) for i in range(3))
    whole = markdown(Document("Title", "Lead.", sections))

    text = markdown(Document("Title", "Lead.", sections), size(whole) - 300)

    assert text.count("```mermaid") == 2
    assert text.count("*… Curve: in the page*") == 1
    assert text.index("*… Curve: in the page*") > text.index("<summary>S2</summary>")


def test_then_sections_go_from_the_end() -> None:
    sections = tuple(Section(f"S{index}", (Text("x" * 100),)) for index in range(10))

    text = markdown(Document("Title", "Lead.", sections), 500)

    assert "## S0" in text
    assert "## S9" not in text
    assert text.endswith(f"*… {10 - text.count('## S')} more sections: in the page*\n")


def test_a_lead_that_cannot_fit_is_refused_and_not_cut() -> None:
    with pytest.raises(ValueError, match="title and lead alone take 1010 bytes of 1000"):
        markdown(Document("T", "x" * 1_000, ()), 1_000)


def test_code_that_holds_a_fence_stays_code() -> None:
    tokens = GFM.parse(markdown(document(Code("```\n````\n# no title", "sh\n<x>"))))

    (fence,) = [one for one in tokens if one.type == "fence"]
    assert fence.content == "```\n````\n# no title\n"
    assert fence.info == "shx"


def test_a_chart_stands_with_its_legend_and_an_empty_one_is_a_sentence() -> None:
    empty = Chart("No *values*", "x", "y", (), ())

    text = markdown(document(CHART, empty))

    assert "```\n\n🟦 blue: s\n" in text
    assert "*No \\*values\\*: no values to draw.*" in text


def test_the_tone_stands_in_the_title() -> None:
    marks = [markdown(Document("T", "L", (), tone=one))[2] for one in ("good", "bad", "neutral")]

    assert marks == ["🟢", "🔴", "⚪"]


def test_half_characters_do_not_stop_a_report() -> None:
    assert "a? b" in markdown(document(Text("a\ud800 b")))
