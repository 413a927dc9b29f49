"""The forge of a bare repository on this machine: pull requests are files that people can read.

`<home>/pulls/<number>/` holds pull.json, body.md and comments/<name>.md. What a workflow pushes
or opens starts no workflow, as on GitHub; what it dispatches waits in `<home>/runs/queue/`, and
`<home>/statuses/<commit>/<check>` says whether a check has passed, and where to read how.
"""

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import yaml

from gitops import forge
from gitops.forge import Pull
from gitops.forges import merge
from gitops.git import Repository
from gitops.lock import held
from gitops.settings import Refused, Strict, parse

WORKFLOWS = ".github/workflows"
SECONDS = 60  # to wait for another writer: a merge of a long branch takes some


class Record(Strict):
    """What pull.json holds."""

    number: int
    title: str
    head: str
    base: str
    author: str
    state: Literal["open", "merged", "closed"]
    commit: str  # the head's tip when last written: its branch may be gone
    merged: str | None  # the base's new tip, written before the base is moved to it


class Dispatch(Strict):
    """A workflow that waits for its run."""

    workflow: str
    ref: str
    commit: str
    inputs: dict[str, str]


class Local:
    """The protocol `forge.Forge`, and what a person does in GitHub's pages: `merge`."""

    def __init__(self, repository: Repository, home: Path) -> None:
        self.repository = repository
        self.remote = Repository(Path(forge.located(repository).path), repository.remote)
        self.folder, self.statuses = home / "pulls", home / "statuses"
        self.queue = home / "runs/queue"

    def pulls(self, *, head: str | None = None, base: str | None = None) -> list[Pull]:
        tips = self.tips()
        found = [self.seen(self.record(number), tips) for number in self.numbers()]
        return [
            pull
            for pull in found
            if pull.state == "open" and head in (None, pull.head) and base in (None, pull.base)
        ]

    def pull(self, number: int) -> Pull:
        return self.seen(self.record(number), self.tips())

    def open(self, head: str, base: str, title: str, body: str) -> Pull:
        tips = self.tips()
        if missing := [branch for branch in (head, base) if branch not in tips]:
            raise Refused(f"{missing[0]}: the remote has no such branch; push it")
        if self.remote.is_ancestor(tips[head], tips[base]):
            raise Refused(f"{head}: has no commit that {base} has not; there is nothing to merge")
        with self.writing():
            known = next(iter(self.pulls(head=head, base=base)), None)
            record = Record(
                number=known.number if known else max(self.numbers(), default=0) + 1,
                title=title,
                head=head,
                base=base,
                author=known.author if known else self.person()[0],
                state="open",
                commit=tips[head],
                merged=None,
            )
            if known:
                self.write(record, body)
            else:
                self.create(record, body)
        return self.pull(record.number)

    def comment(self, number: int, marker: str, body: str) -> None:
        self.record(number)
        name = re.sub(r"[^a-z0-9]+", "-", marker.lower()).strip("-")
        write(self.folder / str(number) / "comments" / f"{name}.md", body)

    def close(self, number: int, reason: str) -> None:
        with self.writing():
            if self.pull(number).state == "open":
                self.comment(number, "closed", reason)
                self.write(self.record(number).model_copy(update={"state": "closed"}))

    def vouch(self, commit: str, check: str, url: str, *, passed: bool) -> None:
        write(self.statuses / commit / check, f"{'success' if passed else 'failure'} {url}\n")

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        commit = self.tips().get(ref)
        if commit is None:
            raise Refused(f"{workflow}: no branch {ref!r} to run it on; push it")
        known = declared(self.remote.file(commit, f"{WORKFLOWS}/{workflow}"))
        if known is None:
            raise Refused(f"{workflow}: {ref} has no such workflow that can be dispatched")
        if strange := [name for name in inputs if name not in known]:
            raise Refused(f"{workflow}: takes no input {strange[0]!r}, but {known or 'none'}")
        waiting = Dispatch(workflow=workflow, ref=ref, commit=commit, inputs=dict(inputs))
        # In the order of time, and never two of one name.
        name = f"{time.time_ns()}-{os.getpid()}.json"
        write(self.queue / name, waiting.model_dump_json(indent=1))

    def merge(self, number: int, how: str) -> str:
        """Merge an open one as a person does on GitHub; return the base's new tip.

        Raises:
            Refused: it is not open, conflicts, or its base moves meanwhile.
        """
        with self.writing():
            pull = self.pull(number)
            if pull.state != "open":
                raise Refused(f"#{number}: is {pull.state}; only an open one can be merged")
            base = self.tips()[pull.base]
            made = merge.commit(self.remote, pull, base, how, self.identity())
            # Written first: whether the base holds it tells if this came to its end.
            changes = {"commit": pull.commit, "merged": made}
            record = self.record(number).model_copy(update=changes)
            self.write(record)
            ref = f"refs/heads/{pull.base}"
            if self.remote.run("update-ref", ref, made, base).returncode:
                raise Refused(
                    f"#{number}: {pull.base} was moved while this was merged; merge it again"
                )
            self.write(record.model_copy(update={"state": "merged"}))
        return made

    def seen(self, record: Record, tips: Mapping[str, str]) -> Pull:
        """A pull request as its branches tell it: they are pushed to, and deleted, by anybody."""
        state, commit = record.state, record.commit
        head, base = tips.get(record.head), tips.get(record.base)
        if state == "open" and base:
            ends = [one for one in (record.merged, head) if one]
            if any(self.remote.is_ancestor(one, base) for one in ends):
                state = "merged"
            elif head:
                commit = head
        if state == "open" and not (head and base):
            state = "closed"
        folder = self.folder / str(record.number)
        return Pull(
            number=record.number,
            title=record.title,
            body=(folder / "body.md").read_text(),
            head=record.head,
            commit=commit,
            base=record.base,
            url=str(folder),
            state=state,
            fork=False,
            author=record.author,
        )

    def tips(self) -> dict[str, str]:
        """The commit of each branch."""
        form = "--format=%(refname:lstrip=2) %(objectname)"
        lines = self.remote.git("for-each-ref", form, "refs/heads/").splitlines()
        return dict(line.rsplit(" ", 1) for line in lines)

    def numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())

    def record(self, number: int) -> Record:
        path = self.folder / str(number) / "pull.json"
        try:
            return parse(Record, path.read_text(), str(path))
        except FileNotFoundError:
            raise Refused(
                f"#{number}: no such pull request; `make pulls` lists the open ones"
            ) from None

    def create(self, record: Record, body: str) -> None:
        """Put a new one in its place, whole."""
        with tempfile.TemporaryDirectory(
            dir=self.folder, prefix=".", ignore_cleanup_errors=True
        ) as name:
            folder = Path(name) / "pull"
            write(folder / "body.md", body)
            write(folder / "pull.json", record.model_dump_json(indent=1))
            folder.rename(self.folder / str(record.number))

    def write(self, record: Record, body: str | None = None) -> None:
        folder = self.folder / str(record.number)
        if body is not None:
            write(folder / "body.md", body)
        write(folder / "pull.json", record.model_dump_json(indent=1))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time: numbers are given once, and nothing is merged twice."""
        with held(self.folder / ".lock", SECONDS):
            yield

    def person(self) -> tuple[str, str]:
        """Name and address of who works here."""
        name, _, rest = self.repository.git("var", "GIT_AUTHOR_IDENT").partition(" <")
        return name, rest.partition(">")[0]

    def identity(self) -> dict[str, str]:
        name, email = self.person()
        return {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", name), ("EMAIL", email))
        }


def declared(workflow: bytes | None) -> list[str] | None:
    """The inputs of a workflow that can be dispatched; None for any other."""
    events = yaml.safe_load(workflow or b"")
    # YAML reads the key `on` as true.
    events = (events.get(True) if isinstance(events, dict) else None) or {}
    if "workflow_dispatch" not in events:
        return None
    event = events["workflow_dispatch"] if isinstance(events, dict) else None
    return list((event or {}).get("inputs") or {})


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)
