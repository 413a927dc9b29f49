"""Does a running service answer as its model did when it was judged? Run in a release's folder:

    python -m serving.verify http://127.0.0.1:8101
    API_KEY=... python -m serving.verify https://flights.example --bundle DIR

It asks for the rows of reports/examples.json, and says in one line of JSON what it saw. Where an
answer differs, it says so in one line and ends with exit code 1. It changes nothing; the service
keeps these predictions in its log as any others.
"""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pipeline import stage
from pipeline.stage import StageError
from serving import recorded

SECONDS = 10  # for one answer: a hundred times what it takes
PORTION = 20  # rows of one request: a few KB, below any sensible limit
LARGEST = 1024**2  # bytes of an answer, of which twenty rows take some two thousand
SHOWN = 500  # characters of another answer: enough to say why, and no flood
SCHEMES = {"http": HTTPConnection, "https": HTTPSConnection}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m serving.verify", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("url", help="of the service")
    parser.add_argument("--bundle", type=Path, default=Path(), help="the folder of the release")
    given = parser.parse_args()
    path = given.bundle / recorded.EXAMPLES
    try:
        known = recorded.read(path.read_bytes())
    except FileNotFoundError:
        raise StageError(f"{path}: not there; the release is not whole") from None
    print(json.dumps(verify(given.url.rstrip("/"), known, os.environ.get("API_KEY", "").strip())))


def verify(url: str, known: list[dict[str, Any]], key: str = "") -> dict[str, Any]:
    """What was seen: who answered, how many rows, and the largest difference.

    Raises:
        StageError: it answers otherwise than the evaluation, or not at all.
    """
    said, named = [], set()
    for answer in answers(url, [one["row"] for one in known], key):
        said += answer["predictions"]
        named.add((answer.get("release"), answer.get("model")))
    difference = recorded.largest([one["prediction"] for one in known], said)
    if len(named) > 1:
        raise StageError(f"{url}: was replaced while it answered; verify it again")
    ((release, model),) = named
    return {
        "release": release,
        "model_sha256": model,
        "rows": len(known),
        "difference": difference,
    }


def answers(url: str, rows: list[Any], key: str) -> Iterator[dict[str, Any]]:
    """Each portion's answer, with a prediction for each row of it."""
    parts = parsed(url)
    connect = SCHEMES[parts.scheme]
    headers = {"Content-Type": "application/json"}
    if key:
        if not (key.isascii() and key.isprintable()):
            raise StageError("API_KEY: must be of printable ASCII characters")
        headers["Authorization"] = f"Bearer {key}"
    with closing(connect(parts.hostname or "", parts.port, timeout=SECONDS)) as connection:
        for start in range(0, len(rows), PORTION):
            part = rows[start : start + PORTION]
            answer = ask(connection, url, f"{parts.path}/predict", {"rows": part}, headers)
            try:
                answer["predictions"] = [float(one) for one in answer["predictions"]]
                complete = len(answer["predictions"]) == len(part)
            except (KeyError, TypeError, ValueError):
                complete = False
            if not complete:
                raise StageError(f"{url}/predict: not one prediction for each row")
            yield answer


def parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in SCHEMES and parts.hostname and parts.port != 0:
            return parts
    except ValueError:  # of its port, or of brackets
        pass
    raise StageError(f"{url}: no address of a service, as http://127.0.0.1:8101")


def ask(
    connection: HTTPConnection, url: str, path: str, body: object, headers: dict[str, str]
) -> Any:
    """The JSON that the service answers."""
    try:
        connection.request("POST", path, json.dumps(body).encode(), headers)
        response = connection.getresponse()
        said = response.read(LARGEST)
    except (OSError, HTTPException) as error:
        why = str(error) or type(error).__name__
        raise StageError(f"{url}/predict: no answer ({why})") from None
    if response.status != 200:
        shown = " ".join(said.decode(errors="replace").split())[:SHOWN]
        raise StageError(f"{url}/predict: answers {response.status}: {shown}")
    try:
        return json.loads(said)
    except ValueError:
        raise StageError(f"{url}/predict: its answer is not JSON") from None


if __name__ == "__main__":
    stage.run("serving.verify", main)
