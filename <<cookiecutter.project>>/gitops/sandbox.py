"""The sandbox of a rehearsal: a forge of its own, a clone, and what its target needs.

Where another target is asked for than environments/ name, a commit sets it before anything runs:
what runs is what a tree says.
"""

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from gitops import environment
from gitops.context import Context, of, stack_here
from gitops.environment import CONTAINED, Environment
from gitops.git import Repository
from gitops.targets.process import Process

FOLDER = Path(".rehearsal")
REMOTE = "rehearsal"
REGISTRY = "localhost:5000"  # engines take it as it is, without certificates
TARGET = re.compile(r'(?m)^(target = )"\w+"')
IMAGES = re.compile(r"(?m)^(image_repository = ).*$")
DATA = re.compile(r"(?m)^(\s*url = ).*$")


def lay(root: Path, target: str | None = None) -> Context:
    """A forge and a clone with the project's last commit; those of an earlier rehearsal go.

    Raises:
        Refused: what the target needs is missing.
    """
    folder = root / FOLDER
    source = Repository(root, REMOTE)
    commit = source.commit("HEAD")
    environments = environment.read(root / environment.FOLDER)
    images = os.environ.get("IMAGE_REPOSITORY") or f"{REGISTRY}/rehearsal/{root.name}"
    if target in CONTAINED:
        # Before anything goes: without an engine, the last rehearsal stays.
        from gitops import engine
        from gitops.targets import hub

        hub.up(engine.connect(), images)
    origin, work = folder / "origin.git", folder / "work"
    clear(root, environments, target)
    folder.mkdir()
    source.git(
        "init",
        "--quiet",
        "--bare",
        f"--initial-branch={environment.first(environments).branch}",
        str(origin),
    )
    source.git("config", "--file", str(origin / "config"), "receive.autogc", "false")
    heads = (f"{commit}:refs/heads/{one.branch}" for one in environments.values())
    source.git("push", "--quiet", str(origin), *heads)
    source.git("clone", "--quiet", "--origin", REMOTE, str(origin), str(work))
    source.run("remote", "add", REMOTE, str(origin))
    source.git("remote", "set-url", REMOTE, str(origin))
    repository = Repository(work, REMOTE)
    if not repository.run("config", "user.email").stdout.strip():
        repository.git("config", "user.name", REMOTE)
        repository.git("config", "user.email", f"{REMOTE}@localhost")
    if target:
        aim(repository, target, images)
        heads = (f"HEAD:refs/heads/{one.branch}" for one in environments.values())
        repository.git("push", "--quiet", REMOTE, *heads)
        # `make` in the clone asks what its tree says, with the environment of this run.
        (work / ".venv").symlink_to(sys.prefix)
    return of(repository)


def clear(root: Path, environments: Mapping[str, Environment], target: str | None) -> None:
    """End the services of an earlier rehearsal, and remove it with all that they kept."""
    home = root / FOLDER / "origin.forge"
    for where in environments.values():
        Process(home, where).stop()
    name = tomllib.loads((root / "pyproject.toml").read_text())["project"]["name"]
    stack = stack_here(name, home)
    # What terraform made, it removes; then an engine remembers what a deleted folder does not.
    if (home / "terraform").is_dir():
        from gitops.targets.terraform.target import Terraform

        for where in environments.values():
            Terraform(home, where, stack, root).clear()
    if target in CONTAINED or (home / "containers").is_dir():
        from gitops.targets.docker import Docker

        for where in environments.values():
            Docker(home, where, stack).clear()
    shutil.rmtree(root / FOLDER, ignore_errors=True)


def aim(repository: Repository, target: str, images: str) -> None:
    """Commit that every environment runs on this target, with images of this repository.

    Where DATA_STORE names a data store, as a ground gives one to each project, that too.
    """
    path = repository.path / "pyproject.toml"
    path.write_text(IMAGES.sub(rf'\g<1>"{images}"', path.read_text()))
    if data := os.environ.get("DATA_STORE"):
        path = repository.path / ".dvc/config"
        path.write_text(DATA.sub(rf'\g<1>"{data}"', path.read_text()))
    gateway = os.environ.get("GATEWAY_IMAGE") if target in CONTAINED else None
    chosen = f'\\g<1>"{target}"' + (f'\ngateway = "{gateway}"' if gateway else "")
    for path in (repository.path / environment.FOLDER).glob("*.toml"):
        path.write_text(TARGET.sub(chosen, path.read_text()))
    repository.git("add", "--all")
    title = f"Run on the target {target}"
    repository.git("commit", "--quiet", "--allow-empty", "--message", title)
