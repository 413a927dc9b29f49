"""The service against its peers, on the same model: requests, batches, start, memory, decoder.

    python bench/serving.py      # in a trained project; needs wrk and two cores

A server has one core and the load generator another. Rounds are short and interleaved, so that a
busy machine is busy for all; a ratio is taken within its round, and their median counts.

MLflow is favoured: it gets the model's own numbers, where the service makes them from a flight,
its session has one thread on its one core, and it is the plain ONNX flavour with a signature.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import load
import peers
from figures import note, ratio, show, table
from load import Load
from peers import Peer, Running

HERE = Path(__file__).parent
ROUNDS = 7
SECONDS = 2  # of one peer in a round: the slowest gives 200 answers, enough for a p99
STARTS = 3
CLIENTS = 32
STEADY = 30  # seconds without a pause: three times as long as rows wait for one
BATCH = 1000
BATCHING = 4  # clients: there is always one more batch to answer
ARROW = "application/vnd.apache.arrow.stream"
NEAR = 1e-5  # between answers: it is the same model


def main() -> None:
    load.needed()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # for the peers too, which would do more than we do
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # MLflow's uvicorn
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        said("prepare.py", name)
        known = described(folder)
        starts(known, folder)
        with ExitStack() as stack:
            up = {
                name: stack.enter_context(peers.running(peer, folder))
                for name, peer in known.items()
            }
            same(up)
            many(up)
            steady(up)
            alone(up)
            batches(up, folder)
    decoder()


def described(folder: Path) -> dict[str, Peer]:
    """Each peer, with a row to answer."""
    served = (folder / "python").read_text()
    ours = (served, "-m", "serving", "--environment", "dev", "--number", "1")
    ours += ("--listen", "127.0.0.1:{port}")
    logged = (*ours, "--state", str(folder / "state"))
    mlflow = (sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder / "mlflow"))
    mlflow += ("--env-manager", "local", "--workers", "1", "--port", "{port}")
    row, numbers, home = folder / "row.json", folder / "numbers.json", Path.cwd()
    known = (
        Peer("ours", logged, folder / "release", "/predict", row, "/health/ready"),
        Peer("ours, no log", ours, folder / "release", "/predict", row, "/health/ready"),
        Peer("MLflow", mlflow, folder, "/invocations", numbers, "/ping"),
        Peer("FastAPI", uvicorn(sys.executable, "fastapi_peer"), home, "/predict", row, "/ready"),
        Peer("hello", uvicorn(served, "hello"), folder, "/predict", row, "/ready"),
    )
    return {one.name: one for one in known}


def uvicorn(interpreter: str, app: str) -> tuple[str, ...]:
    """The server of the service, with its settings."""
    command = (interpreter, "-m", "uvicorn", f"{app}:app", "--app-dir", str(HERE))
    command += ("--port", "{port}", "--loop", "uvloop", "--http", "httptools", "--ws", "none")
    return (*command, "--lifespan", "off", "--no-access-log", "--no-server-header")


def starts(known: Mapping[str, Peer], folder: Path) -> None:
    """Cold start, and memory after some load; the first start compiles bytecode."""
    seen: dict[str, list[tuple[float, float, float]]] = {"ours": [], "MLflow": []}
    for turn in range(STARTS + 1):
        for name, kept in seen.items():
            with peers.running(known[name], folder) as one:
                load.ask(one, CLIENTS, SECONDS)
                if turn:
                    kept.append((one.seconds, one.bytes("Pss") / 2**20, one.bytes("Rss") / 2**20))
    columns = (zip(*kept, strict=True) for kept in seen.values())
    bounds = {"cold start": 1 / 20, "memory, PSS": 1 / 6, "memory, RSS": 1 / 6}
    for (what, bound), ours, theirs in zip(bounds.items(), *columns, strict=True):
        show(f"{what}, to MLflow's", ratio(ours, theirs), "x", bound)
    for name, kept in seen.items():
        seconds, pss, rss = (statistics.median(column) for column in zip(*kept, strict=True))
        note(f"{name:<14}{seconds:8.2f} s {pss:6.0f} MiB PSS {rss:6.0f} MiB RSS")


def same(up: Mapping[str, Running]) -> None:
    """All that have the model give the same answers."""
    answers = {name: predictions(one) for name, one in up.items() if name != "hello"}
    ours = answers["ours"]
    for found in answers.values():
        assert len(found) == len(ours), answers
        assert all(abs(a - b) < NEAR for a, b in zip(found, ours, strict=True)), answers


def predictions(one: Running) -> list[float]:
    body = one.peer.body.read_bytes()
    request = Request(one.url, body, {"Content-Type": one.peer.kind})  # noqa: S310  our own server
    with urlopen(request, timeout=peers.SECONDS) as response:  # noqa: S310
        found = json.load(response)["predictions"]
    return [one["prediction"] if isinstance(one, dict) else one for one in found]


def many(up: Mapping[str, Running]) -> None:
    """One row at a time, from many clients."""
    seen = rounds(up, CLIENTS)
    rates = {name: [one.rate for one in kept] for name, kept in seen.items()}
    for name, bound in (("MLflow", 100), ("FastAPI", 5)):
        figure = f"one row, {CLIENTS} clients, to {name}"
        show(figure, ratio(rates["ours"], rates[name]), "x", bound, at_least=True)
    part = ratio(rates["ours"], rates["hello"])
    show("  to an empty answer of the same server", part, "x", 0.5, at_least=True)
    costs = 1 - ratio(rates["ours"], rates["ours, no log"])
    show("  what the prediction log takes of it", costs, "x", 0.15)
    table(seen)


def steady(up: Mapping[str, Running]) -> None:
    """One row at a time, from many clients that never pause: the log is written beside them."""
    logged, bare = (up[name] for name in ("ours", "ours, no log"))
    seen: dict[str, list[Load]] = {logged.peer.name: [], bare.peer.name: []}
    for _ in range(2):
        for one in (logged, bare):
            seen[one.peer.name].append(load.ask(one, CLIENTS, STEADY))
            load.settled(logged)
    rates = ([one.rate for one in kept] for kept in seen.values())
    show(f"  what it takes in {STEADY} s without a pause", 1 - ratio(*rates), "x", 0.15)


def alone(up: Mapping[str, Running]) -> None:
    """One row at a time, from one client."""
    seen = rounds(up, 1)
    for what, bound in (("p50", 1 / 50), ("p99", 1)):
        ours, theirs = ([getattr(one, what) for one in seen[name]] for name in ("ours", "MLflow"))
        show(f"one row, 1 client, {what} to MLflow's", ratio(ours, theirs), "x", bound)
    table(seen)


def batches(up: Mapping[str, Running], folder: Path) -> None:
    """A thousand rows at a time, against the session alone on a matrix that is ready."""
    files = {"JSON rows": "rows.json", "JSON columns": "columns.json", "Arrow": "rows.arrow"}
    asked = {
        f"{name}{mark}": asking(up[f"ours{mark}"], folder / file)
        for name, file in files.items()
        for mark in ("", ", no log")
    }
    asked["MLflow"] = asking(up["MLflow"], folder / "batch.json")
    same({"ours": asked["Arrow"], **asked})
    seen: dict[str, list[Load]] = {name: [] for name in asked}
    bare: list[float] = []
    for _ in range(ROUNDS):
        core = str(peers.cores()[0])
        command = ("taskset", "-c", core, sys.executable)
        bare.append(float(said("bare.py", str(folder / "matrix.npy"), str(SECONDS), by=command)))
        for name, kept in seen.items():
            kept.append(load.ask(asked[name], BATCHING, SECONDS))
            load.settled(up["ours"])
    rates = {name: [one.rate * BATCH for one in kept] for name, kept in seen.items()}
    ours = [name for name in rates if name != "MLflow"]
    for name in ours:
        figure = f"{BATCH:,} rows, {name}, to the bare session"
        show(figure, ratio(rates[name], bare), "x", 0.7, at_least=True)
    for name in ours:
        note(f"{name:<21}{ratio(rates[name], rates['MLflow']):8.3g} x MLflow's rows a second")
    for name, kept in (*rates.items(), ("bare session", bare)):
        note(f"{name:<21}{statistics.median(kept):12,.0f} rows/s")


def asking(one: Running, body: Path) -> Running:
    kind = ARROW if body.suffix == ".arrow" else peers.JSON
    return replace(one, peer=replace(one.peer, body=body, kind=kind))


def rounds(up: Mapping[str, Running], clients: int) -> dict[str, list[Load]]:
    seen: dict[str, list[Load]] = {name: [] for name in up}
    for one in up.values():
        load.ask(one, clients, 1)  # warm
    for _ in range(ROUNDS):
        for name, one in up.items():
            seen[name].append(load.ask(one, clients, SECONDS))
            load.settled(up["ours"])
    return seen


def decoder() -> None:
    for backend in ("polars", "pandas"):
        found = json.loads(said("decoder.py", backend))
        figure = f"one row, pandera's {backend} to the decoder"
        show(figure, found["ratio"], "x", 1000, at_least=True)
        note(f"{found['theirs']:,.0f} µs to {found['ours']:.2f} µs")


def said(script: str, *words: str, by: tuple[str, ...] = (sys.executable,)) -> str:
    """What a script of this folder prints; what it loads is in no memory then."""
    command = [*by, str(HERE / script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        sys.exit(f"bench: {script} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
