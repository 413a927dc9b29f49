"""Environments that terraform makes, on the engine of this machine."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitops import environment
from gitops.targets.terraform.target import Terraform
from tests.gitops import containers
from tests.projects import ROOT, copy_project
from tests.serving import bundles

PROGRAM = ("infra", "environments", "requirements")


def missing() -> str | None:
    """Why nothing can be made here; None where it can."""
    if not shutil.which("terraform"):
        return "no terraform on PATH"
    return containers.missing()


def project(folder: Path, **changes: Any) -> Path:
    """A project whose environment dev is made by terraform, at an address of its own."""
    folder.mkdir(parents=True)
    copy_project(folder, *PROGRAM, "params.yaml", "pyproject.toml")
    (folder / "gitops/targets").mkdir(parents=True)
    for name in ("__init__.py", "targets/__init__.py", "targets/caddy.py", "targets/labels.py"):
        shutil.copy(ROOT / "gitops" / name, folder / "gitops" / name)
    values = {"target": '"terraform"', "address": f'"127.0.0.1:{bundles.free_port()}"', **changes}
    path = folder / "environments/dev.toml"
    lines = path.read_text().splitlines()
    for place, line in enumerate(lines):
        key = line.partition(" = ")[0]
        if key in values:
            lines[place] = f"{key} = {values[key]}"
    path.write_text("\n".join(lines) + "\n")
    return folder


@contextmanager
def target(folder: Path, interpreters: Path, **changes: Any) -> Iterator[Terraform]:
    """The environment dev of a project that no other test has, removed afterwards."""
    (folder / "home").mkdir()
    (folder / "home/interpreters").symlink_to(interpreters)
    root = project(folder / "project", **changes)
    where = environment.read(root / "environments")["dev"]
    found = Terraform(folder / "home", where, containers.name(), root)
    try:
        yield found
    finally:
        found.clear()
