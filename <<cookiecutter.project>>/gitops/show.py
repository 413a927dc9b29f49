"""How status, releases and pull requests look on a terminal."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gitops.forge import Pull
from gitops.journal import Journal
from gitops.records import SHORT
from gitops.status import Disagreement, Place, Status

# Wide enough for a row where no terminal says its width: a log cut at 80 columns tells nothing.
console = Console(width=None if Console().is_terminal else 160, highlight=False)


def status(found: Status, *, prove: bool) -> None:
    heads = ("", "branch", "tree", "release", "deployment", "healthy since", "model", "version")
    images = any(place.image is not None for place in found.places)
    ends = (*(["image"] if images else []), "address")
    table = Table(*heads, *ends, box=None, header_style="dim")
    for place in found.places:
        table.add_row(
            f"[bold]{place.environment}",
            place.branch,
            short(place.tree),
            short(place.release),
            str(place.number or "-"),
            when(place.since),
            short(place.model_sha256),
            version(place),
            *([digest(place.image)] if images else []),
            place.address if place.answers else f"[red]{place.address} does not answer",
        )
    console.print(table)
    for one in found.disagreements:
        disagreement(one)
    if not found.disagreements:
        proved = "; each service holds the files that its release names" if prove else ""
        console.print(f"Everything agrees with git{proved}.")


def version(place: Place) -> str:
    """The registry's, with the alias that names it."""
    if place.version is None:
        return "-"
    return (
        f"{place.version} @{place.environment}"
        if place.alias == place.version
        else f"{place.version}"
    )


def digest(image: str | None) -> str:
    """Enough of it to be compared."""
    return (image or "-").rpartition("@")[2][:19]


def disagreement(one: Disagreement) -> None:
    console.print(
        f"[red]{escape(one.where)}[/]: {escape(one.what)}\n  [dim]→[/] {escape(one.mend)}"
    )


def as_json(found: Status) -> str:
    return json.dumps(dataclasses.asdict(found), indent=1, default=str)


def releases(known: Journal) -> None:
    """Newest first; where each runs now, and where it ran."""
    names = sorted({name for release in known.releases.values() for name in release.metrics})
    table = Table(
        "release", "made", "by", *names, "runs in", "ran in", box=None, header_style="dim"
    )
    now = {name: known.current(name) for name in known.deployments}
    for release in sorted(known.releases.values(), key=lambda one: one.created, reverse=True):
        ran = [name for name in now if known.was_healthy(name, release.tree)]
        runs = [name for name in ran if (at := now[name]) and at.intent.tree == release.tree]
        scores = (
            f"{release.metrics[name]:.4f}" if name in release.metrics else "-" for name in names
        )
        before = ", ".join(name for name in ran if name not in runs)
        table.add_row(
            release.name,
            when(release.created),
            escape(release.by),  # a robot's name ends in [bot]
            *scores,
            ", ".join(runs),
            before,
        )
    console.print(table if known.releases else "No release yet: merge a trained branch first.")


def pulls(found: Sequence[Pull]) -> None:
    table = Table("", "title", "from", "to", "by", "address", box=None, header_style="dim")
    for pull in found:
        table.add_row(
            f"#{pull.number}",
            *(escape(text) for text in (pull.title, pull.head, pull.base, pull.author, pull.url)),
        )
    console.print(table if found else "No pull request is open.")


def short(hash_: str | None) -> str:
    return hash_[:SHORT] if hash_ else "-"


def when(time: datetime | None) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}" if time else "-"
