"""Refuse bad answers before a file is written. cookiecutter runs this in the new folder."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

ANSWERS = r"""<<cookiecutter|tojson>>"""

# Line breaks and invisible controls would end a line of YAML or reorder what a reviewer reads.
CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff"
# What would end a quoted value in .dvc/config, or be expanded there.
DIRECTORY = rf"[^{CONTROL}\"%$\\`:<>*?|]+"
BUCKET = r"(s3|gs|azure)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[\w.=+/-]*)?"
SECRET = re.compile(r":.*@|\?", re.DOTALL)


class Rule(NamedTuple):
    """What an answer must match, in a pattern and in words, and one that does."""

    pattern: str
    words: str
    example: str


RULES = {
    "project": Rule(
        r"(?=.{3,40}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*",
        "must be 3 to 40 lower-case letters, digits and single hyphens, a letter first",
        "flight-delays",
    ),
    "description": Rule(
        rf"(?!\s)[^{CONTROL}]{{1,200}}(?<!\s)",
        "must be one line of 1 to 200 characters, no control characters, no space at its ends",
        "Will a flight arrive late?",
    ),
    "owner": Rule(
        r"(?=[^/]{1,39}(/|\Z))[A-Za-z0-9]+(-[A-Za-z0-9]+)*(_[A-Za-z0-9]+)?(/[a-z0-9][a-z0-9_-]*)?",
        "must be a GitHub login or organization/team, without @",
        "octocat or acme/data-science",
    ),
    "data_store": Rule(
        rf"(?!\s|-|/+\Z)({BUCKET}|{DIRECTORY})(?<!\s)",
        "must be a directory or an s3://, gs:// or azure:// address with its bucket, "
        "without credentials (DVC reads those from the environment)",
        "~/.local/share/flights/store or s3://acme-models/flights",
    ),
    "image_repository": Rule(
        r"(?=.{3,200}\Z)[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5})?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+",
        "must be a registry and a name in lower case, without https://, tag or digest",
        "ghcr.io/octocat/flights",
    ),
}


def problems(answers: dict[str, str]) -> list[str]:
    """Return one line for each answer that breaks its rule; an empty list means all are good."""
    found = []
    for name, rule in RULES.items():
        answer = answers.get(name, "")
        if not re.fullmatch(rule.pattern, answer):
            found.append(f"{name} = {shown(answer)}: {rule.words}, for example {rule.example}")
    folder = answers.get("_output_dir", "")
    relative = not answers.get("data_store", "").startswith(("/", "~", "s3:", "gs:", "azure:"))
    if relative and not re.fullmatch(f"({DIRECTORY})?", folder):
        found.append(
            f"data_store: a relative one is placed in {folder!r}, whose name DVC cannot hold: "
            "give an absolute one, for example ~/.local/share/flights/store"
        )
    return found


def shown(answer: str) -> str:
    """Return the answer fit for a terminal and a log: escaped, short, and without a password."""
    if SECRET.search(answer):
        return "(not shown: it seems to hold credentials)"
    return repr(answer if len(answer) <= 80 else answer[:79] + "…")


def remove_made(folder: Path, output: Path) -> None:
    """Remove the folders that a name with slashes made: cookiecutter removes only the innermost."""
    made = folder
    while made.parent != output and len(list(made.parent.iterdir())) == 1:
        made = made.parent
    if made != folder and not any(folder.iterdir()):
        shutil.rmtree(made)


def main() -> None:
    """Check the answers that cookiecutter put into this file."""
    answers = json.loads(ANSWERS)
    found = problems(answers)
    if shutil.which("git") is None:
        found.append("git: not found on PATH, and the repository needs it: install git")
    if found:
        remove_made(Path.cwd(), Path(answers["_output_dir"]))
        sys.exit("\n".join(["Nothing was made, because of:", *(f"  {line}" for line in found)]))


if __name__ == "__main__":
    main()
