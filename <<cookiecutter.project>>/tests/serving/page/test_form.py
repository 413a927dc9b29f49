"""Each field of any contract has a control with a label, its help, and a place for its error."""

import json
from html.parser import HTMLParser
from typing import Any

from serving.page import form
from tests.serving import sites

Attributes = dict[str, str | None]


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.controls: dict[str, Attributes] = {}
        self.options: dict[str, list[str]] = {}
        self.labels: list[str | None] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        if identity := known.get("id"):
            self.ids.append(identity)
        if tag in ("input", "select"):
            self.controls[known["name"] or ""] = {**known, "tag": tag}
        elif tag == "option":
            self.options.setdefault(list(self.controls)[-1], []).append(known["value"] or "")
        elif tag == "label":
            self.labels.append(known["for"])


READ = Reader(form.fields(sites.SCHEMA))


def test_the_form_has_the_fields_of_the_contract_and_no_markup_of_theirs() -> None:
    assert list(READ.controls) == list(sites.FIELDS)
    assert set(READ.tags) <= {"div", "label", "input", "select", "option", "p"}


def test_each_control_is_labelled_and_described() -> None:
    assert len(set(READ.ids)) == len(READ.ids)
    assert READ.labels == [control["id"] for control in READ.controls.values()]
    for control in READ.controls.values():
        assert set((control["aria-describedby"] or "").split()) <= set(READ.ids)


def test_what_may_be_unknown_may_be_left_out() -> None:
    free = {name for name, one in READ.controls.items() if "aria-required" not in one}

    assert free == {"heat_inside", "running", "phone"}
    assert READ.options["running"] == ["", "true", "false"]
    assert READ.controls["heat_inside"]["placeholder"] == "unknown"


def test_controls_fit_their_fields() -> None:
    def of(name: str, *keys: str) -> list[Any]:
        return [READ.controls[name].get(key) for key in keys]

    assert of("heat_inside", "type", "step", "min", "max") == ["number", "any", "-40.5", "900"]
    # The bounds of a machine word are nobody's rule.
    assert of("hours", "type", "step", "min", "max") == ["number", "1", None, None]
    assert of("since", "type") == ["date"]
    assert of("serial", "type") == ["text"]
    assert [json.loads(value) for value in READ.options["kind"] if value] == ["lathe", "mill <2"]


def test_help_says_unit_range_and_what_may_be_unknown() -> None:
    assert "°C · -40.5 to 900 · may be unknown" in form.fields(sites.SCHEMA)
