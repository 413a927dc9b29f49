"""The report: what a comparison found, in the order in which a reviewer asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import files
from pipeline.metrics import Metric
from review import plots
from review.compare import Change, Flips, SliceChange
from review.drift import ANOTHER, SHIFTED, Drift
from review.gates import Gate
from review.render.document import (
    FAIL,
    PASS,
    WARN,
    Code,
    Document,
    Section,
    Table,
    Text,
    Tone,
    cell,
)
from review.version import Version

TONES: Mapping[str, Tone] = {"better": "good", "worse": "bad", "no different": "neutral"}


@dataclass(frozen=True)
class Findings:
    """All that the report shows. `base` and what compares with it are None for a first model."""

    candidate: Version
    base: Version | None
    prod: Version | None
    primary: Metric
    note: str
    changes: Sequence[Change]
    against_prod: Sequence[Change]
    slices: Sequence[SliceChange]
    flips: Flips | None
    gates: Sequence[Gate]
    parameters: Sequence[tuple[str, Any, Any]]
    schema: Sequence[str]
    drifts: Sequence[Drift]
    same_data: bool

    @property
    def failed(self) -> list[Gate]:
        return [gate for gate in self.gates if not gate.passed]


def document(project: str, found: Findings) -> Document:
    sections = [gates(found), metrics(found), slices(found), parameters(found), data(found)]
    sections += [flips(found), *plots.sections(found.candidate, found.base)]
    sections += [cost(found), reproduce(found)]
    tone = TONES[found.changes[0].verdict] if found.changes else "neutral"
    return Document(
        title=f"{project}: review of the model",
        lead=lead(found),
        sections=tuple(section for section in sections if section),
        tone="bad" if found.failed else tone,
    )


def lead(found: Findings) -> str:
    """The verdict in two sentences."""
    names = ", ".join(gate.name for gate in found.failed)
    gates = f"**Blocked by {cell(names)}.**" if names else "All gates pass."
    if found.base is None:
        score = found.candidate.json(files.METRICS)["model"][found.primary.name]
        return f"**A first model**: {found.primary.name} {score:.4f}, no base. {gates}"
    if not found.changes:
        return f"**Not comparable** with {cell(found.base.ref)}. {cell(found.note)} {gates}"
    change = found.changes[0]
    word = "from" if change.verdict == "no different" else "than"
    note = f" {cell(found.note)}" if found.note else ""
    return (
        f"**{change.verdict.capitalize()}** {word} {cell(found.base.ref)}: "
        f"{change.metric} {change.base:.4f} → {change.candidate:.4f}, "
        f"change {change.candidate - change.base:+.4f} {change.interval}. {gates}{note}"
    )


def gates(found: Findings) -> Section:
    rows = [
        (f"{PASS} pass" if gate.passed else f"{FAIL} fail", gate.name, cell(gate.reason))
        for gate in found.gates
    ]
    return Section("Gates", (Table(("", "gate", "why"), tuple(rows), keep=len(rows)),))


def metrics(found: Findings) -> Section:
    scores = found.candidate.json(files.METRICS)
    if found.changes:
        prod = {change.metric: change for change in found.against_prod}
        head = ["metric", "base", "candidate", "change", "95 % interval", "verdict"]
        head += ["PROD", "change", "95 % interval"] if prod else []
        rows = [changed(change, prod.get(change.metric)) for change in found.changes]
    else:
        head = ["metric", "candidate"]
        rows = [[name, f"{value:.4f}"] for name, value in scores["model"].items()]
    name = found.primary.name
    others = ", ".join(f"{one} {scores[one][name]:.4f}" for one in scores if one != "model")
    text = f"Baselines on the candidate's holdout, {name}: {others}."
    if found.changes:
        text += (
            " Intervals are of the paired bootstrap, stratified by label: 1,000 resamples for "
            f"{name}, the standard error of 100 for the others."
        )
    table = Table(tuple(head), tuple(map(tuple, rows)), keep=len(rows))
    return Section("Metrics", (table, Text(text)))


def changed(change: Change, prod: Change | None) -> list[str]:
    row = [change.metric, f"{change.base:.4f}", f"{change.candidate:.4f}"]
    row += [f"{change.candidate - change.base:+.4f}", str(change.interval), mark(change)]
    if prod:
        row += [f"{prod.base:.4f}", f"{prod.candidate - prod.base:+.4f}", str(prod.interval)]
    return row


def mark(change: Change) -> str:
    return {"better": f"{PASS} better", "worse": f"{WARN} worse", "no different": "—"}[
        change.verdict
    ]


def slices(found: Findings) -> Section | None:
    if not found.slices:
        return None
    whole = found.changes[0].verdict
    worse = [one for one in found.slices if one.change.verdict == "worse"]
    rows = [
        (
            one.column,
            cell(one.value),
            f"{one.rows:,}",
            f"{one.change.base:.4f}",
            f"{one.change.candidate:.4f}",
            f"{one.change.candidate - one.change.base:+.4f}",
            str(one.change.interval),
            mark(one.change),
        )
        for one in found.slices
    ]
    head = ("slice", "value", "rows", "base", "candidate", "change", "95 % interval", "")
    named = ", ".join(f"{one.column} {cell(one.value)}" for one in worse)
    text = f"{found.primary.name} by slice. "
    text += f"**Worse for {named}**" if named else "None got worse"
    text += f", while the whole is {whole}." if named and whole != "worse" else "."
    text += " By chance alone, one slice in forty is marked worse."
    return Section("Slices", (Text(text), Table(head, tuple(rows), keep=len(worse) + 5)))


def parameters(found: Findings) -> Section | None:
    if found.base is None:
        return None
    rows = [(f"`{key}`", cell(was), cell(now)) for key, was, now in found.parameters]
    table = Table(("parameter", "base", "candidate"), tuple(rows), keep=10)
    return Section("Parameters", (table if rows else Text("No parameter changed."),))


def data(found: Findings) -> Section | None:
    if found.base is None:
        return None
    if found.same_data:
        return Section("Data", (Text("The same rows, byte for byte."),))
    rows = [version.json(files.VALIDATION)["rows"] for version in (found.base, found.candidate)]
    lines = [f"{rows[0]:,} rows before, {rows[1]:,} now ({rows[1] - rows[0]:+,})."]
    lines += [f"- {change}" for change in found.schema] or ["The schema is the same."]
    shifted = [drift for drift in found.drifts if drift.psi >= SHIFTED]
    lines.append(
        f"{len(shifted)} of {len(found.drifts)} columns drifted (PSI ≥ {SHIFTED}; ≥ {ANOTHER} is "
        "another population)."
    )
    table = Table(
        ("column", "PSI", ""),
        tuple((f"`{d.column}`", f"{d.psi:.3f}", drifted(d)) for d in found.drifts),
        keep=max(len(shifted), 3),
    )
    return Section("Data", (Text("\n\n".join(lines)), table))


def drifted(drift: Drift) -> str:
    if drift.psi >= ANOTHER:
        return f"{WARN} another population"
    return f"{WARN} shifted" if drift.psi >= SHIFTED else "alike"


def flips(found: Findings) -> Section | None:
    if found.flips is None or found.flips.strongest.is_empty():
        return None
    table = found.flips.strongest
    total = found.flips.gained + found.flips.lost
    text = (
        f"{total:,} decisions differ: {found.flips.gained:,} became right, "
        f"{found.flips.lost:,} became wrong. The strongest:"
        if total
        else "No threshold decides here; the values that moved most:"
    )
    rows = tuple(tuple(number(value) for value in row) for row in table.iter_rows())
    head = ("base", "candidate", "label", *(f"`{name}`" for name in table.columns[3:]))
    return Section("Predictions that flip", (Text(text), Table(head, rows, keep=5)), folded=True)


def number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else cell(value)


def cost(found: Findings) -> Section:
    versions = [version for version in (found.base, found.candidate) if version]
    costs = [version.json(files.COST) for version in versions]
    rows = []
    for key in costs[-1]:
        values = [cost.get(key) for cost in costs]
        change = f"{values[-1] / values[0] - 1:+.0%}" if len(values) > 1 and values[0] else ""
        rows.append((key.replace("_", " "), *(number_of(value) for value in values), change))
    head = ("", *(version.name for version in versions), "change")
    text = Text("Seconds and microseconds are of the machines that ran; bytes are exact.")
    return Section("Cost", (Table(head, tuple(rows), keep=len(rows)), text))


def number_of(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def reproduce(found: Findings) -> Section:
    base = f" BASE={found.base.ref}" if found.base else ""
    prod = f" PROD={found.prod.ref}" if found.prod else ""
    text = (
        f"git switch --detach COMMIT   # of the candidate\nmake reproduce\nmake report{base}{prod}"
    )
    return Section("How to reproduce", (Code(text),), folded=True)
