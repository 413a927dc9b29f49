"""The pages explain what a person is told: each refusal by its words, each command by its name."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

import pytest
import yaml

from gitops.__main__ import app
from tests.projects import ROOT

PAGES = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
SAYING = ("promotion", "image", "containers", "infrastructure", "github")
EXPLAINED = "".join(PAGES[f"{name}.md"] for name in SAYING)
# What a release's own command says of its answers is passed on (gitops/verify.py).
ANSWERS = [ROOT / "serving" / name for name in ("recorded.py", "verify.py")]
DECLARED = sorted((ROOT / "infra").glob("*.py"))
SOURCES = [
    path.read_text() for path in (*sorted((ROOT / "gitops").rglob("*.py")), *DECLARED, *ANSWERS)
]
WORKFLOWS = {path.stem: path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")}
GAP = "…"  # in a message and on a page: what varies
LEAST = 12  # characters of a clause: fewer say nothing of their own


def quoted(page: str) -> list[str]:
    """The code spans of a page: prose quotes no message by chance."""
    fenceless = re.sub(r"(?ms)^```.*?^```$", "", page)
    return [" ".join(found[1].split()) for found in re.findall(r"(`+)(.+?)\1(?!`)", fenceless)]


class Messages:
    """What the code says to people, as shapes: constant words, and a gap for what varies."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.trees = [ast.parse(source) for source in sources]
        nodes = [node for tree in self.trees for node in ast.walk(tree)]
        self.functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
        self.kinds = {"Refused", "StageError", "ValueError"}
        while found := {name for name, bases in self.classes() if bases & self.kinds} - self.kinds:
            self.kinds |= found

    def classes(self) -> Iterator[tuple[str, set[str]]]:
        for tree in self.trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    yield node.name, {ast.unparse(base) for base in node.bases}

    def refusals(self) -> set[str]:
        """The shape of each refusal, of each disagreement, and why a tag is not believed."""
        return {
            shape
            for function in self.functions
            for node in ast.walk(function)
            for said in self.said(node)
            for shape in self.shapes(said, function)
        }

    def said(self, node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in self.kinds:
                yield from node.args[:1]
            elif node.func.id == "Disagreement":
                yield from node.args[1:2]
        elif isinstance(node, ast.Assign) and ".damaged[" in ast.unparse(node.targets[0]):
            yield node.value

    def shapes(self, said: ast.expr, function: ast.FunctionDef, depth: int = 3) -> Iterator[str]:
        if isinstance(said, ast.Constant | ast.JoinedStr):
            yield shape(said)
        elif isinstance(said, ast.IfExp):
            yield from self.shapes(said.body, function, depth)
            yield from self.shapes(said.orelse, function, depth)
        elif isinstance(said, ast.Name) and depth:
            for value in assigned(said.id, function):
                yield from self.shapes(value, function, depth - 1)
        elif isinstance(said, ast.Call) and isinstance(said.func, ast.Name) and depth:
            for called in self.functions:
                for node in ast.walk(called) if called.name == said.func.id else ():
                    if isinstance(node, ast.Return) and node.value:
                        yield from self.shapes(node.value, called, depth - 1)

    def every(self) -> set[str]:
        """The shape of every text in the code."""
        texts = (node for tree in self.trees for node in ast.walk(tree))
        return {shape(node) for node in texts if isinstance(node, ast.Constant | ast.JoinedStr)}


def shape(text: ast.Constant | ast.JoinedStr) -> str:
    values = text.values if isinstance(text, ast.JoinedStr) else [text]
    words = (str(value.value) if isinstance(value, ast.Constant) else GAP for value in values)
    return " ".join("".join(words).split())


def assigned(name: str, function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.NamedExpr) else targets
        if any(isinstance(one, ast.Name) and one.id == name for one in targets):
            assert isinstance(node, ast.Assign | ast.NamedExpr)
            yield node.value


def parts(one: str) -> list[str]:
    """The words of a quotation that stand between what varies."""
    return [part.strip(" ;:,.") for part in one.split(GAP)]


def clauses(shape: str) -> list[str]:
    """Its parts that stand between what varies and the marks of a sentence."""
    found = (part.strip() for part in re.split(rf"[{GAP};:,()`]", shape))
    return [part for part in found if len(part) >= LEAST]


def unexplained(shapes: Iterable[str], spans: Iterable[str]) -> list[str]:
    """The messages of which a page quotes no clause, if it can one that no other message has.

    A message without a clause passes on the words of others: git's, GitHub's, a service's.
    """
    known, text = set(shapes), "\n".join(spans)
    missing = []
    for one in sorted(known):
        others = "\n".join(known - {one})
        own = [clause for clause in clauses(one) if clause not in others] or clauses(one)
        if own and not any(clause in text for clause in own):
            missing.append(one)
    return missing


def rows(page: str, head: str) -> Iterator[list[str]]:
    """The cells of each table that begins with this head, row by row."""
    for table in re.findall(rf"(?m)^\| {head} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", page):
        for line in table.splitlines():
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def test_every_refusal_is_explained() -> None:
    missing = unexplained(Messages(SOURCES).refusals(), quoted(EXPLAINED))
    assert not missing, "\n".join(missing)


def test_no_explanation_outlives_its_message() -> None:
    said = "\n".join(Messages(SOURCES).every())
    explained = [one for row in rows(EXPLAINED, "It says") for one in quoted(row[0])]
    assert len(explained) > 50
    gone = [one for one in explained if any(part not in said for part in parts(one))]
    assert not gone, "\n".join(gone)


def test_a_new_refusal_is_seen_to_be_missing() -> None:
    source = """
class Late(Refused):
    pass

def why(name):
    return f"{name}: the moon is not full"

def start(name, journal):
    reason = f"{name}: came after the last bus"
    journal.damaged[name] = f"{name}: written in a hurry"
    if name:
        raise Late(reason)
    raise Refused(why(name))
"""
    shapes = Messages([source]).refusals()
    page = "`…: written in a hurry`, and in prose that the moon is not full"
    assert unexplained(shapes, quoted(page)) == [
        "…: came after the last bus",
        "…: the moon is not full",
    ]


def test_a_clause_that_two_messages_share_explains_neither() -> None:
    shapes = ["…: not done after … s; see the network", "…: not done after … s; see the log of it"]
    assert unexplained(shapes, ["not done after … s; see the network"]) == [shapes[1]]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_room_is_there(page: str) -> None:
    known = {one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands}
    assert set(re.findall(r"python -m gitops ([a-z]+)", PAGES[page])) <= known


@pytest.mark.parametrize("page", [*PAGES, "README.md"])
def test_make_reads_what_it_is_given(page: str) -> None:
    text = PAGES.get(page) or (ROOT / page).read_text()
    recipes = dict(re.findall(r"(?m)^([a-z]+):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text()))
    for task, given in re.findall(r"make ([a-z]+)((?: [A-Z]+=[^\s`]+)+)", text):
        for name in re.findall(r" ([A-Z]+)=", given):
            assert re.search(rf"\$\W*{name}\b", recipes[task]), f"{page}: make {task} {name}="


def jobs(workflow: str) -> Mapping[str, Mapping[str, object]]:
    found: Mapping[str, Mapping[str, object]] = yaml.safe_load(WORKFLOWS[workflow])["jobs"]
    return found


def test_the_checks_to_require_are_jobs_of_the_pull_request() -> None:
    named = [one for row in rows(PAGES["github.md"], "Check") for one in quoted(row[0])]
    known = jobs("pull-request")
    # It ends a run that counts for no request, and says the others' names on the commit.
    assert [*named, "vouch"] == [str(job.get("name", key)) for key, job in known.items()]
    assert known["vouch"]["needs"] == named


def test_secrets_and_variables_are_those_that_the_workflows_read() -> None:
    text = "".join(WORKFLOWS.values())
    read = set(re.findall(r"\b(?:secrets|vars)\.(\w+)", text)) - {"GITHUB_TOKEN"}
    named = {one for row in rows(PAGES["github.md"], "Name") for one in quoted(row[0])}
    assert named == read


def test_every_workflow_is_named() -> None:
    for name in WORKFLOWS:
        assert f"{name}.yml" in PAGES["github.md"], name


def test_every_field_of_a_record_is_named() -> None:
    from gitops.records import Evidence, Intent, Model, Outcome, Release, Waiver

    held = set(quoted(PAGES["promotion.md"]))
    for kind in (Release, Model, Intent, Outcome, Evidence, Waiver):
        fields = {one.alias or name for name, one in kind.model_fields.items()}
        assert fields <= held, kind.__name__
