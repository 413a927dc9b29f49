"""What terraform would do, does, and says, in a person's words."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST, LONGEST = 5, 500  # errors that are told of, and characters of each


@dataclass(frozen=True)
class Change:
    action: str  # made, changed, replaced or destroyed
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.action}: {self.kind} {self.name}"


def change(one: dict[str, Any]) -> Change | None:
    """What a plan would do to one thing; None where it stays, or is an image to look at."""
    actions = one["change"]["actions"]
    words = {"create": "made", "update": "changed", "delete": "destroyed"}
    word = "replaced" if len(actions) > 1 else words.get(actions[0])
    kind = str(one["type"]).removeprefix("docker_")
    about = one["change"]["after"] or one["change"]["before"] or {}
    return Change(word, kind, str(about.get("name"))) if word and kind != "image" else None


def told_of(line: str, told: Callable[[str], None]) -> None:
    """Tell of a thing that is done."""
    try:
        found = json.loads(line)
    except ValueError:
        return
    if found.get("type") == "apply_complete":
        hook = found["hook"]
        kind = hook["resource"]["resource_type"].removeprefix("docker_")
        name = (kind == "volume" and hook.get("id_value")) or hook["resource"]["resource_name"]
        words = {"create": "made", "update": "changed", "delete": "destroyed"}
        if kind != "image":
            told(f"{words.get(hook['action'], hook['action'])}: {kind} {plain(str(name))}")


def plain(name: str) -> str:
    """A resource's name without what cdktf adds to keep it apart."""
    return re.sub(r"_(container|network|data|settings)?_?[0-9A-F]{8}$", "", name)


def errors_of(said: str) -> list[str]:
    """Its errors in a line each, without frames; those of -json too."""
    found = []
    for line in said.splitlines():
        if line.startswith("{"):
            diagnostic = json.loads(line).get("diagnostic") or {}
            if diagnostic.get("severity") == "error":
                found.append(f"{diagnostic['summary']} {diagnostic.get('detail') or ''}")
    if not found:
        found = re.sub(r"(?m)^[│╷╵ ]+", "", said).split("Error: ")[1:]
    lines = [" ".join(one.split())[:LONGEST] for one in found or [said[-LONGEST:]]]
    return list(dict.fromkeys(lines))[:MOST]
