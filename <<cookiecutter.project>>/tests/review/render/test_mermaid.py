"""Mermaid's own renderer accepts what is written for it, whatever the data holds."""

import json
import math
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.render.charts import Chart, Series
from review.render.document import Document, Section
from review.render.markdown import markdown
from review.render.mermaid import BARS, PALETTE, legend, mermaid

NASTY = (
    'a "quoted" `one`',
    "semi; colon: #35; &amp; #quot;",
    "%%{init: {}}%%",
    "%% comment",
    "line\nbreak\r\n--> x-axis [1]",
    "<script>alert(1)</script> <b>bold</b>",
    "C4Container graph TD",
    "🎉 日本語 العربية \u202e \ud800",
    "",
    "   ",
    "[brackets] {braces} (round) $$x$$ \\",
    "---",
    "title",
    "x" * 300,
)


def bars(names: tuple[str, ...], *rows: tuple[float, ...]) -> Chart:
    series = tuple(Series(f"series {index}", row) for index, row in enumerate(rows))
    return Chart("Bars", "category", "value", names, series, "bar")


def line(*values: float, x: tuple[float, float] = (0, 1)) -> Chart:
    return Chart("Line", "x", "y", x, (Series("s", values),))


CHARTS = (
    *(
        Chart(text, text, text, (text, "b"), (Series(text, (1, 2)), Series("n", (2, 1))), kind)
        for text in NASTY
        for kind in ("line", "bar")
    ),
    bars(NASTY, tuple(range(len(NASTY)))),
    bars(("a", "a", "b"), (1, math.nan, -3), (math.inf, 2, 0), (-1, -2, -3)),
    bars(tuple(f"category {index}" for index in range(100)), tuple(range(100))),
    line(1.0),
    line(math.nan, 1.0, math.inf, 3.0),
    line(0.0, 0.0, 0.0),
    line(5e-324, 1e-90, 2e-90),
    line(1e99, -1e99),
    line(1_000_000.001, 1_000_000.002),
    line(*(math.sin(index / 30) for index in range(5_000)), x=(0.1, 0.7)),
    line(1.0, 2.0, 3.0, x=(1e15, 1e15)),
    Chart("Many", "x", "y", (0, 1), tuple(Series(f"s{i}", (float(i), i + 1.0)) for i in range(9))),
)


def blocks(text: str) -> list[str]:
    return re.findall(r"```mermaid\n(.*?)\n```", text, re.DOTALL)


def rendered(folder: Path, diagrams: list[str]) -> list[dict[str, str]]:
    """What Mermaid in a real browser says of each: its error, or the kind and text of its SVG."""
    chromium, script = shutil.which("chromium"), os.environ.get("MERMAID_JS")
    if not chromium or not script:
        pytest.skip("needs chromium on PATH and MERMAID_JS, the path of mermaid.min.js")
    data = json.dumps(diagrams).replace("<", "\\u003c")
    page = folder / "mermaid.html"
    page.write_text(
        f"""<!doctype html><meta charset="utf-8"><pre id="said"></pre>
<script src="{Path(script).resolve().as_uri()}"></script>
<script>
(async () => {{
  mermaid.initialize({{startOnLoad: false, suppressErrorRendering: true}});
  const said = [];
  for (const [index, text] of {data}.entries()) {{
    try {{
      const made = await mermaid.render("m" + index, text);
      const holder = document.createElement("div");
      holder.innerHTML = made.svg;
      const drawn = [...holder.querySelectorAll(".plot path, .plot rect")]
        .filter((one) => one.tagName === "path" || Number(one.getAttribute("width")) > 0);
      said.push({{kind: made.diagramType, bad: /NaN|Infinity|undefined/.test(made.svg) ? "yes" : "",
        shapes: String(drawn.length), ink: drawn.map((one) => one.getAttribute("fill") + " " +
        one.getAttribute("stroke")).join(), text: holder.textContent}});
    }} catch (error) {{
      said.push({{error: String(error)}});
    }}
  }}
  document.getElementById("said").textContent = JSON.stringify(said);
}})();
</script>""",
        encoding="utf-8",
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=60000"]
    dom = subprocess.run(
        [chromium, *flags, "--dump-dom", page.as_uri()],
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=180,
    ).stdout
    said = re.search(r'<pre id="said">(.*?)</pre>', dom, re.DOTALL)
    assert said, dom[:2000]
    return json.loads(unescape(said[1]))  # type: ignore[no-any-return]


def test_mermaid_draws_every_chart_of_a_report(tmp_path: Path) -> None:
    report = markdown(Document("All", "Lead.", (Section("Charts", CHARTS),)), limit=10**9)
    diagrams = blocks(report)
    broken = ["xychart-beta\n  line [1, 2", 'xychart-beta\n  title "a" "b"\n  line [1]']

    said = rendered(tmp_path, diagrams + broken)

    assert len(diagrams) == len(CHARTS)
    assert [one.get("error") for one in said[: len(CHARTS)]] == [None] * len(CHARTS)
    assert {one["kind"] for one in said[: len(CHARTS)]} == {"xychart"}
    assert not [one for one in said[: len(CHARTS)] if one["bad"]]
    assert all(int(one["shapes"]) > 0 for one in said[: len(CHARTS)])
    assert all("error" in one for one in said[len(CHARTS) :])


def test_mermaid_draws_with_the_colours_that_the_legend_names(tmp_path: Path) -> None:
    chart = bars(("a", "b", "c"), (1, math.nan, 3), (3, 2, 1))

    (said,) = rendered(tmp_path, [mermaid(chart)])

    assert said["shapes"] == "5"  # a missing value is no bar
    for _, _, colour in PALETTE[:2]:
        assert colour in said["ink"]
    assert "abc" in re.sub(r"[^a-z]", "", said["text"])


def test_the_legend_names_colours_and_what_is_left_out() -> None:
    names = tuple(f"c{index}" for index in range(100))

    assert legend(bars(names, tuple(range(100)), tuple(range(100)))) == (
        "🟦 blue: series 0",
        "🟧 orange: series 1",
        f"the first {BARS} of 100: the others are in the page",
    )
    assert legend(CHARTS[-1])[-1] == "3 more series: in the page"


def test_lines_end_where_the_range_ends() -> None:
    text = mermaid(line(*(index / 40 for index in range(41)), x=(0.1, 0.7)))
    values = json.loads(text.split("line ")[1])

    # Mermaid finds places by adding steps up: one too many would lose the last value.
    step, at, places = (0.7 - 0.1) / (len(values) - 1), 0.1, 0
    while at <= 0.7:
        at, places = at + step, places + 1
    assert places == len(values)
    assert (values[0], values[-1]) == (0, 1)


numbers = st.lists(st.floats(), min_size=2, max_size=2).map(tuple)


@given(st.text(), st.lists(st.text(), min_size=2, max_size=2), numbers, numbers)
def test_no_text_or_number_breaks_out_of_its_place(
    text: str, names: list[str], first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    series = Series(text, first), Series(text, second)
    for kind in ("line", "bar"):
        chart = Chart(text, text, text, (names[0], names[1]), series, kind)
        if not chart.drawn:
            continue
        lines = mermaid(chart).split("\n")
        quoted = r'"[^"`;<>{}]+"'
        number = r"-?\d+(\.\d+)?"
        assert re.fullmatch(f"  title {quoted}", lines[2])
        assert re.fullmatch(rf"  x-axis {quoted} \[{quoted}(, {quoted})*\]", lines[3])
        assert re.fullmatch(f"  y-axis {quoted} {number} --> {number}", lines[4])
        assert len(lines) == 5 + len(chart.drawn)
        for row in lines[5:]:
            assert re.fullmatch(rf"  {kind} \[{number}(, {number})*\]", row)
