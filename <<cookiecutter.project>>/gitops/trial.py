"""The working copy as an image, to try it out: as delivery builds one, and pushed nowhere."""

import shutil
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from gitops import bundle, engine
from gitops.build import build
from gitops.git import Repository
from gitops.image import About
from gitops.settings import Refused

TAG = "working-copy"
# What serving/Dockerfile and .dockerignore take of a release's folder.
TAKEN = ("pipeline", "serving", "environments", "models", "requirements")
FILES = ("pyproject.toml", ".dockerignore")
PORT = 8000  # of the container: serving/Dockerfile


def make(repository: Repository) -> str:
    """Build the image of the files that lie there, and return its name on the engine.

    Raises:
        Refused: there is no model yet, no engine, or the build fails.
    """
    root = repository.path
    if not (root / bundle.MODEL).is_file():
        raise Refused(f"{bundle.MODEL}: not there; `make reproduce` makes it")
    engine.connect().close()
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]["name"]
    name = f"{project}:{TAG}"
    with tempfile.TemporaryDirectory(prefix="image-") as work:
        folder = Path(work)
        made = filled(root, folder, tree(repository))
        about = About(made, repository.commit("HEAD"), datetime.now(UTC), root.as_uri())
        build(folder, name, about.labels)
    return name


def filled(root: Path, folder: Path, tree: str) -> str:
    """Copy what an image is made of, and write its manifest; the tree."""
    for name in TAKEN:
        shutil.copytree(root / name, folder / name)
    for name in (*FILES, *(path for path in bundle.OTHERS if (root / path).is_file())):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, folder / name)
    models = sorted((folder / "models").iterdir())
    files = {f"models/{path.name}": bundle.digest(path) for path in models}
    bundle.seal(folder, tree, files)
    return tree


def tree(repository: Repository) -> str:
    """What git would name the files that lie there, committed or not."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": f"{folder}/index"}
        repository.git("read-tree", "HEAD", env=env)
        repository.git("add", "--all", env=env)
        return repository.git("write-tree", env=env).strip()


def command(name: str, environment: str, port: int) -> tuple[str, ...]:
    """Run it as hardened as a target does, until it is interrupted."""
    hardened = ("--init", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
    public = f"--publish=127.0.0.1:{port}:{PORT}"
    words = ("docker", "run", "--rm", *hardened, "--tmpfs=/tmp", public, name)
    return (*words, "--environment", environment, "--number", "0")
