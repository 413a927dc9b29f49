"""A service asked with mutations, its answers compared with the oracle's, and a report of both."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from tests.serving.mutations import MUTATIONS, Source
from tests.serving.oracle import Oracle
from tests.serving.wire import Reply, Wire, post

TOGETHER = 8  # requests at one time, so that the service joins them
PORTION = 400  # requests whose rows pandera looks at together
SHOWN = 300  # bytes of a body that was judged wrongly
# How often each mutation comes, beside the others' 1.
WEIGHTS: dict[str, float] = {
    "value": 8,
    "values": 3,
    "literal": 4,
    "bits": 3,
    "more": 3,
    "less": 2,
    "columns": 2,
}
WEIGHTS |= {"large": 0.05, "many": 0.2, "nested_whole": 0.5, "nested": 0.5}
PATHS = {"/predict": 85, "/invocations": 10, "/explain": 2, "/feedback": 3}
REFUSED = {400, 413, 415, 422}


class Asked(NamedTuple):
    mutation: str
    path: str
    body: bytes


class Fuzz:
    def __init__(self, url: str, source: Source, oracle: Oracle, most_bytes: int) -> None:
        self.url, self.source, self.oracle, self.most_bytes = url, source, oracle, most_bytes
        self.wires: list[Wire] = []
        self.seen: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []
        self.predicted = 0

    def run(self, count: int) -> None:
        """Ask so many times; `wrong` then says what was answered otherwise than it should be."""
        requests = islice(self.requests(), count)
        while portion := list(islice(requests, PORTION)):
            self.judge(portion, list(self.replies(portion)))

    def requests(self) -> Iterator[Asked]:
        random, names = self.source.random, list(MUTATIONS)
        weights = [WEIGHTS.get(name, 1) for name in names]
        while True:
            (name,) = random.choices(names, weights)
            (path,) = random.choices(list(PATHS), list(PATHS.values()))
            body = MUTATIONS[name](self.source)
            if path == "/invocations":
                body = as_frame(body)
            yield Asked(name, path, body)

    def replies(self, requests: Iterable[Asked]) -> Iterator[Reply]:
        """The answers; the requests come some at a time, each over a connection that stays."""
        requests = iter(requests)
        while some := list(islice(requests, TOGETHER)):
            while len(self.wires) < len(some):
                self.wires.append(Wire(self.url))
            for wire, asked in zip(self.wires, some, strict=False):
                wire.send(post(asked.path, asked.body))
            for wire, asked in zip(self.wires, some, strict=False):
                reply = wire.reply()
                assert reply, f"no answer to {shown(asked)}"
                yield reply

    def judge(self, requests: list[Asked], replies: list[Reply]) -> None:
        rows = [self.oracle.rows(asked.path, asked.body) for asked in requests]
        broken = self.oracle.broken([row for one in rows for row in one or ()])
        for asked, reply, said in zip(requests, replies, rows, strict=True):
            self.seen[asked.mutation, reply.status] += 1
            found = [next(broken) for _ in said or ()]
            if why := self.disagreement(asked, reply, said, found):
                self.wrong.append(f"{why}: {reply.status} {reply.body[:SHOWN]!r} to {shown(asked)}")

    def disagreement(
        self, asked: Asked, reply: Reply, rows: list[Any] | None, broken: list[set[str]]
    ) -> str | None:
        answer = reply.said
        if asked.path == "/feedback":  # what these bodies ask for is never a label
            return None if reply.status in REFUSED else "not refused"
        right = rows is not None and not any(broken) and self.oracle.unique(rows)
        right &= asked.path != "/explain" or len(broken) == 1
        if len(asked.body) > self.most_bytes:
            return None if reply.status == 413 else "too long"
        if reply.status != 200:
            if right or reply.status not in REFUSED:
                return "refused"
            fields = {error["field"] for error in answer["errors"]}
            # Names that stand twice or are too long are named otherwise.
            named = reply.status == 422 and len(broken) == 1 and asked.mutation in NAMED
            return "other fields" if named and fields != broken[0] else None
        if not right:
            return "accepted"
        if asked.path == "/explain":
            return None
        answers = answer["predictions"]
        if asked.path == "/predict":
            self.predicted += len(answers)
        numbers = all(isinstance(one, float) and 0 <= one <= 1 for one in answers)
        return None if len(answers) == len(broken) and numbers else "no predictions"

    def report(self) -> str:
        """How often each mutation was answered with each status."""
        statuses = sorted({status for _, status in self.seen})
        lines = ["mutation        " + "".join(f"{status:8}" for status in statuses)]
        for name in MUTATIONS:
            counts = "".join(f"{self.seen[name, status] or '':8}" for status in statuses)
            lines.append(f"{name:16}{counts}")
        totals = Counter[int]()
        for (_, status), count in self.seen.items():
            totals[status] += count
        lines.append("all             " + "".join(f"{totals[status]:8}" for status in statuses))
        return "\n".join(lines)


# Mutations of one row after which the refused fields are just those that pandera names.
NAMED = {"value", "values", "missing", "renamed"}


def as_frame(body: bytes) -> bytes:
    """The same question in MLflow's formats."""
    if body.startswith(b'{"columns": {'):
        said = json.loads(body)["columns"]
        if (
            said
            and len({len(held) if isinstance(held, list) else -1 for held in said.values()}) == 1
        ):
            data = [list(row) for row in zip(*said.values(), strict=True)]
            return json.dumps({"dataframe_split": {"columns": list(said), "data": data}}).encode()
    return body.replace(b'{"rows"', b'{"dataframe_records"', 1)


def shown(asked: Asked) -> str:
    return f"{asked.mutation} {asked.path} ({len(asked.body)} bytes) {asked.body[:SHOWN]!r}"
