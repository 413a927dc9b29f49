"""Projects in folders of their own, and the commands that run there."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CODE = ("dvc.yaml", "params.yaml", "pyproject.toml", "pipeline", "review", "requirements")
SMALL = 40  # every n-th flight in tests: 8,198 rows


def copy_project(folder: Path, *names: str) -> None:
    """Copy code and settings into `folder`, with small data and a plain name."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    about = (ROOT / "pyproject.toml").read_text()
    # Unbaked, the name is a variable of the template.
    plain = re.sub(r"(?m)^name = .*$", 'name = "flights"', about, count=1)
    (folder / "pyproject.toml").write_text(plain)
    # One thread: two that wait for each other on a busy machine take many times as long.
    ingest = {"from": 1, "until": 12, "every": SMALL}
    change_params(folder, ingest=ingest, train={"threads": 1})


def change_params(folder: Path, **blocks: Mapping[str, object]) -> None:
    """Change keys of params.yaml, block by block."""
    path = folder / "params.yaml"
    known = yaml.safe_load(path.read_text())
    for block, keys in blocks.items():
        known[block].update(keys)
    path.write_text(yaml.safe_dump(known, sort_keys=False))


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that must not hang; its output is text."""
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


def succeed(*words: str, cwd: Path) -> str:
    """Run a command that must succeed, and return what it says."""
    done = command(*words, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def copy_of(repository: Path, folder: Path) -> Path:
    """A copy of `pipeline_run` and of the store beside it."""
    shutil.copytree(repository.parent, folder, dirs_exist_ok=True)
    return folder / repository.name


def clone_of(repository: Path) -> Path:
    """A clone beside the repository: it has the same store, and no cache."""
    clone = repository.parent / f"clone{len(list(repository.parent.iterdir()))}"
    succeed("git", "clone", "--quiet", str(repository), str(clone), cwd=repository.parent)
    return clone


def stages_run(said: str) -> list[str]:
    """The stages that `dvc repro` ran, by what it said."""
    return re.findall(r"Running stage '(\w+)'", said)
