"""act, the runner of workflow files on this machine: what it is told, and what it is kept from.

It runs jobs on the host (`-self-hosted`), needs neither network nor docker nor settings of its
own, and ignores `environment`, `permissions` and `concurrency`.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from gitops.forges.work import Work
from gitops.settings import Refused

EVENT, CHECKOUT = "event.json", "checkout"  # in the folder of a run
IMAGE = "ubuntu-24.04"  # what the workflows run on
# What workflows read of `vars` and `secrets`: act is given the names, never the values.
VARS = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "STATE_BUCKET",
)
SECRETS = (
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_STORAGE_CONNECTION_STRING",
)
# What make, Python and another runner tell their children; the token belongs to another forge.
OUTER = ("MAKE", "MFLAGS", "PYTHON", "VIRTUAL_ENV", "GITHUB_", "GH_", "RUNNER_", "ACTIONS_")


def program() -> Path:
    """Where act is: in this environment.

    Raises:
        Refused: it is not.
    """
    path = Path(sys.executable).with_name("act")
    if not path.is_file():
        raise Refused(f"{path}: not there, and it runs the workflows; run `make setup`")
    return path


def command(
    event: str, workflow: str, clone: Path, here: Work, env: Mapping[str, str], actor: str
) -> list[str]:
    """The command line for one workflow of a clone; the run's folder holds what it names."""
    path = clone / ".github/workflows" / workflow
    options = {
        "--workflows": path,
        "--eventpath": here.folder / EVENT,
        "--action-cache-path": here.folder / "act",
        "--platform": f"{IMAGE}=-self-hosted",
        "--actor": actor,
    }
    flags = ("--pull=false", "--action-offline-mode", "--no-cache-server", "--no-skip-checkout")
    words = [str(program()), event, *flags]
    words += [str(word) for pair in options.items() for word in pair]
    for action in sorted(set(re.findall(r"uses: (actions/checkout@\w+)", path.read_text()))):
        words += ["--local-repository", f"{action}={here.folder / CHECKOUT}"]
    for key in ("ID", "NUMBER"):
        words += ["--env", f"GITHUB_RUN_{key}={here.number}"]
    for kind, names in (("--var", VARS), ("--secret", SECRETS)):
        words += [word for name in names if env.get(name) for word in (kind, name)]
    return words


def checkout(url: str, venv: Path) -> str:
    """An action in the place of actions/checkout: a clone, with the environment that is shared.

    act itself would copy the folder that it is started in, and not look at `ref`.
    """
    lines = (
        'git clone --quiet --shared --no-checkout "$URL" .',
        'git checkout --quiet --detach "$REF"',
        'ln -s "$VENV" .venv',
    )
    env = {"URL": url, "REF": "${{ inputs.ref || github.sha }}", "VENV": str(venv)}
    step = {"shell": "bash", "run": "\n".join(lines), "env": env}
    inputs = {name: {"description": name} for name in ("ref", "fetch-depth", "persist-credentials")}
    runs = {"using": "composite", "steps": [step]}
    # YAML reads JSON.
    return json.dumps({"name": "checkout", "description": "", "inputs": inputs, "runs": runs})


def environment(outer: Mapping[str, str], home: Path, here: Work) -> dict[str, str]:
    """The environment of a run: that of a person's shell, and what is local to this forge."""
    env = {name: value for name, value in outer.items() if not name.startswith(OUTER)}
    paths = env.get("PATH", os.defpath).split(os.pathsep)
    env["PATH"] = os.pathsep.join(path for path in paths if path not in own())
    env["MLFLOW_TRACKING_URI"] = env.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home}/mlflow.db"
    # act gives each step a terminal, and some would wait there for a key.
    env |= {"TERM": "dumb", "PAGER": "cat", "GIT_PAGER": "cat"}
    return env | {"TMPDIR": str(here.tmp), "RUN_LOG": str(here.log)}


def own() -> tuple[str, ...]:
    """The folder of this environment's programs: a run has its own."""
    folder = Path(sys.executable).parent
    return (str(folder), str(folder.resolve())) if sys.prefix != sys.base_prefix else ()
