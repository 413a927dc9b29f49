"""The smallest pipeline that is one: what it makes follows from its parameters alone."""

import hashlib
import json

from gitops.bundle import EXAMPLES, METRICS, MODEL

# The smallest pipeline that is one: what it makes follows from the parameters alone.
STAGE = """stages:
  train:
    cmd: python train.py
    params: [ingest, train]
    deps: [train.py]
    outs: [models/model.onnx, reports/examples.json]
    metrics: [reports/metrics.json]
"""
TRAIN = """import json, pathlib, re
text = pathlib.Path("params.yaml").read_text()
until, rate = (int(re.search(key + r": (\\d+)", text)[1]) for key in ("until", "rate"))
for folder in ("models", "reports"):
    pathlib.Path(folder).mkdir(exist_ok=True)
pathlib.Path("models/model.onnx").write_text(f"rate {rate} until {until}\\n")
pathlib.Path("reports/examples.json").write_text("[]\\n")
metrics = {"model": {"roc_auc": rate / 10}}
pathlib.Path("reports/metrics.json").write_text(json.dumps(metrics))
"""
WORKFLOW = "on:\n  workflow_dispatch:\n    inputs:\n      pull: {required: true}\n"


def params_of(rate: int, until: int = 11) -> str:
    return f"ingest:\n  until: {until}  # the last month\n\ntrain:\n  rate: {rate}\n"


def outputs_of(rate: int, until: int = 11) -> dict[str, bytes]:
    """What the stage makes of these parameters."""
    return {
        MODEL: f"rate {rate} until {until}\n".encode(),
        EXAMPLES: b"[]\n",
        METRICS: json.dumps({"model": {"roc_auc": rate / 10}}).encode(),
    }


def lock_of(rate: int, until: int = 11) -> str:
    """The dvc.lock that `dvc repro` writes for these parameters."""

    def entry(path: str, content: bytes) -> list[str]:
        hashed = ["hash: md5", f"md5: {md5(content)}", f"size: {len(content)}"]
        return [f"    - path: {path}", *(f"      {line}" for line in hashed)]

    made = sorted(outputs_of(rate, until).items())
    lines = ["schema: '2.0'", "stages:", "  train:", "    cmd: python train.py", "    deps:"]
    lines += entry("train.py", TRAIN.encode())
    lines += ["    params:", "      params.yaml:", "        ingest:", f"          until: {until}"]
    lines += ["        train:", f"          rate: {rate}", "    outs:"]
    lines += [line for path, content in made for line in entry(path, content)]
    return "\n".join(lines) + "\n"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
