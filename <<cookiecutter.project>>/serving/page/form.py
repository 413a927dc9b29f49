"""The form of one row, made from the contract."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from serving.page import wording

INPUTS = {"date": "date", "time": "time", "date-time": "datetime-local"}


def fields(schema: Mapping[str, Any]) -> str:
    """A labelled control for each field, with its help and a place for its error."""
    return "\n".join(
        field(f"field-{place}", name, said)
        for place, (name, said) in enumerate(schema["properties"].items())
    )


def field(identity: str, name: str, said: Mapping[str, Any]) -> str:
    describes = f'aria-describedby="{identity}-error {identity}-help"'
    common = f'id="{identity}" name="{escape(name)}" {describes}'
    needed = "" if wording.nullable(said) else ' aria-required="true"'
    return (
        f'<div class="field">\n<label for="{identity}">{escape(wording.label(name))}</label>\n'
        f"{control(said, common + needed)}\n"
        f'<p class="error" id="{identity}-error" hidden></p>\n'
        f'<p class="help" id="{identity}-help">{escape(text(said))}</p>\n</div>'
    )


def control(said: Mapping[str, Any], attributes: str) -> str:
    kind = wording.kind(said)
    if kind == "boolean":
        return select([(True, "yes"), (False, "no")], said, attributes)
    if found := wording.choices(said):
        return select([(value, str(value)) for value in found], said, attributes)
    if kind == "string":
        shape = INPUTS.get(said.get("format", ""), "text")
        step = "" if shape == "text" else ' step="any"'
        extra = ' autocapitalize="off" spellcheck="false"' if shape == "text" else ""
        return f'<input {attributes} type="{shape}" data-kind="text"{step}{extra}>'
    known = wording.bounds(said)
    limits = "".join(
        f' {word}="{known[bound]}"'
        for word, bound in (("min", "minimum"), ("max", "maximum"))
        if bound in known
    )
    step = "1" if kind == "integer" else "any"
    hint = ' placeholder="unknown"' if wording.nullable(said) else ""
    shape = f'type="number" step="{step}"{limits}{hint} data-kind="number"'
    return f"<input {attributes} {shape}>"


def select(options: list[tuple[Any, str]], said: Mapping[str, Any], attributes: str) -> str:
    """A choice whose values are JSON; the empty one is null where that is allowed."""
    first = "unknown" if wording.nullable(said) else "choose…"
    rest = "".join(
        f'<option value="{escape(json.dumps(value))}">{escape(shown)}</option>'
        for value, shown in options
    )
    return (
        f'<select {attributes} data-kind="choice"><option value="">{first}</option>{rest}</select>'
    )


def text(said: Mapping[str, Any]) -> str:
    """What to fill in."""
    rules = {word: held for word, held in said.items() if word != "enum"}
    parts = [
        str(said.get("description", "")),
        str(said.get("x-unit", "")),
        wording.rules(rules),
        "may be unknown" if wording.nullable(said) else "",
    ]
    return " · ".join(part for part in parts if part)
