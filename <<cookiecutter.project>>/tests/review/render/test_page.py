"""The page holds everything, and needs and names nothing else."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from review.render.charts import Chart, Series
from review.render.document import FAIL, PASS, WARN, Code, Document, Section, Table, Text, cell
from review.render.page import html

CHART = Chart("Curve", "x", "y", (0, 1), (Series("s", (1.0, 2.0)),))
VOID = {"meta", "br", "hr"}


class Reader(HTMLParser):
    """Elements as they open, with a check that each is closed in turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(*blocks: Text | Table | Code | Chart, folded: bool = False) -> str:
    return html(Document("Title", "The **lead**.", (Section("Section", blocks, folded),)))


@given(st.text())
def test_no_text_breaks_the_page(text: str) -> None:
    chart = Chart(text, text, text, (text,), (Series(text, (1.0,)),), "bar")
    table = Table((cell(text), text), ((cell(text), text),))
    blocks = Text(text), Code(text), table, chart
    document = Document(text, text, (Section(text, blocks), Section(text, blocks, True)))

    read = Reader(html(document))

    assert read.tags.count("table") >= 2
    assert read.tags.count("figure") == 2
    assert not {"script", "img", "iframe", "link", "object"} & set(read.tags)


def test_the_page_names_no_other_host_and_loads_nothing() -> None:
    text = page(Text("Text."), Table(("a",), (("1",),)), Code("make"), CHART)

    assert "http:" not in text
    assert "https:" not in text
    assert "//" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert not {"src", "srcset", "action"} & {name for name, _ in Reader(text).attributes}


def test_markup_from_text_is_shown_and_images_are_not_loaded() -> None:
    text = page(Text("<script>x</script> ![a](b.png) [c](javascript:d)"))

    assert "<script>" not in text
    assert "<img" not in text
    assert 'href="javascript' not in text


def test_nothing_is_shortened() -> None:
    table = Table(("number",), tuple((str(index),) for index in range(20_000)))
    read = Reader(page(table))

    assert read.tags.count("tr") == 20_001
    assert "in the page" not in read.text


def test_results_are_words_and_signs_and_not_colour_alone() -> None:
    rows = tuple((f"{mark} {word}",) for mark, word in ((PASS, "p"), (FAIL, "f"), (WARN, "w")))
    text = page(Table(("Result",), rows))

    for tone, sign, word in (("good", "✓", "p"), ("bad", "✕", "f"), ("warn", "!", "w")):
        mark = f'<span class="mark {tone}"><span class="sign" aria-hidden="true">{sign}</span>'
        assert f"{mark}{word}</span>" in text


def test_the_verdict_shows_its_tone() -> None:
    text = html(Document("T", "**Worse**.", (), tone="bad"))

    assert '<div class="verdict bad"><span aria-hidden="true">▼</span>' in text
    assert "<p><strong>Worse</strong>.</p>" in text


def test_a_folded_section_unfolds_from_the_contents() -> None:
    text = page(CHART, CHART, folded=True)

    assert '<a href="#s0">Section</a>' in text
    assert '<summary><h2>Section</h2></summary>\n<div id="s0">' in text
    assert text.count('<div class="charts">') == 1


def test_numbers_stand_to_the_right() -> None:
    text = page(Table(("name", "value"), (("a", "0.5"),)))

    assert '<td>a</td><td class="number">0.5</td>' in text
