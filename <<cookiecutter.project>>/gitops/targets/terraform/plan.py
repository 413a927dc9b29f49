"""What a plan would change, by a person's questions: what, how, and will it interrupt."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

VERBS = {
    ("create",): "made",
    ("update",): "changed",
    ("delete", "create"): "replaced",
    ("create", "delete"): "replaced",
    ("delete",): "destroyed",
}
ORDER = tuple(VERBS.values())  # as a release does it: what is new comes before what ends
# Clients notice where these end: the way to every release, for a second or two.
NEEDED = ("docker_container.gateway", "docker_network.network", "docker_volume.route")
SECRETS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "URL")  # in names of variables that hold one
LEAST = 6  # characters of a value that is masked: shorter ones stand everywhere by chance
LONGEST = 60  # characters of a value that is shown
MASK = "••••"
QUIET = ("exit_code", "network_data", "container_logs")  # said by the engine, asked for by nobody


@dataclass(frozen=True)
class Change:
    address: str
    kind: str
    name: str
    verb: str
    details: tuple[str, ...]

    @property
    def slot(self) -> str:
        """The slot that it belongs to, or its own name in the stack."""
        return self.address.partition(".")[2].partition("[")[0]

    def interrupts(self, serving: str | None) -> bool:
        """Do clients notice, who are led to that slot?"""
        gone = self.verb in ("replaced", "destroyed")
        stopped = self.verb == "made" and self.slot == serving  # it does not run now
        return (gone and (self.address in NEEDED or self.slot == serving)) or stopped


def changes(plan: dict[str, Any]) -> list[Change]:
    found = (change(one) for one in plan.get("resource_changes", []))
    return sorted((one for one in found if one), key=lambda one: ORDER.index(one.verb))


def change(told: dict[str, Any]) -> Change | None:
    verb = VERBS.get(tuple(told["change"]["actions"]))
    if verb is None:
        return None
    before, after = (told["change"][key] or {} for key in ("before", "after"))
    name = str(after.get("name") or before.get("name"))
    details = () if verb in ("made", "destroyed") else tuple(differing(before, after))
    return Change(told["address"], told["type"].removeprefix("docker_"), name, verb, details)


def differing(before: dict[str, Any], after: dict[str, Any]) -> Iterable[str]:
    for key, new in sorted(after.items()):
        old = before.get(key)
        if old != new and key not in QUIET and old is not None:
            yield f"{key} {shown(old)} → {shown(new)}"


def shown(value: Any) -> str:
    whole = masked(str(value))
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}…"


def masked(text: str) -> str:
    """Without anything that a variable of this process holds as a secret."""
    for name, value in os.environ.items():
        if any(part in name for part in SECRETS) and len(value) >= LEAST:
            text = text.replace(value, MASK)
    return text


def drifted(found: Iterable[Change]) -> list[str]:
    """What is otherwise than it was made, with its name."""
    return [f"{one.name}: {drift(one)}" for one in found]


def drift(one: Change) -> str:
    if one.verb == "made":
        return f"the {one.kind} is not there any more"
    if one.verb == "destroyed":
        return f"the {one.kind} is still there"
    if any(detail.startswith("must_run ") for detail in one.details):
        return "does not run"
    return f"was changed by hand: {', '.join(one.details) or 'its settings'}"


def page(environment: str, found: Sequence[Change], serving: str | None, whole: str) -> str:
    """As a part of a report."""
    if not found:
        return f"**{environment}**: nothing changes.\n"
    interrupts = [one.name for one in found if one.interrupts(serving)]
    words = f"**interrupts** clients: {', '.join(interrupts)}" if interrupts else "no interruption"
    lines = [f"**{environment}**: {counted(found)}; {words}.", ""]
    lines += ["| | what | name | how |", "|---|---|---|---|"]
    for one in found:
        details = "; ".join(one.details) or "—"
        lines.append(f"| {one.verb} | {one.kind} | `{one.name}` | {details.replace('|', '¦')} |")
    whole = masked(whole).replace("```", "'''").strip()
    lines += ["", f"<details><summary>The whole plan of {environment}</summary>", ""]
    return "\n".join([*lines, "```", whole, "```", "", "</details>", ""])


def counted(found: Sequence[Change]) -> str:
    verbs = [one.verb for one in found]
    return ", ".join(f"{verbs.count(verb)} {verb}" for verb in dict.fromkeys(verbs))
