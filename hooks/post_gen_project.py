"""Make the first commit and the three branches. cookiecutter runs this in the new folder."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

ANSWERS = r"""<<cookiecutter|tojson>>"""
BRANCHES = ("dev", "uat", "main")


def git(*arguments: str, env: dict[str, str] | None = None) -> str:
    """Run git here and return what it says; when it fails, end with its own words."""
    command = ["git", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)} failed in {Path.cwd()}: {done.stderr.strip()}")
    return done.stdout


def environment(owner: str) -> dict[str, str]:
    """Return this process's environment, free of another repository, and with an author."""
    elsewhere = git("rev-parse", "--local-env-vars").split()
    env = {name: value for name, value in os.environ.items() if name not in elsewhere}
    asked = ["git", "config", "--get", "user.email"]
    if subprocess.run(asked, env=env, capture_output=True, check=False).returncode:
        login = owner.split("/")[0]
        for role in ("AUTHOR", "COMMITTER"):
            env.setdefault(f"GIT_{role}_NAME", login)
            env.setdefault(f"GIT_{role}_EMAIL", f"{login}@users.noreply.github.com")
    return env


def absolute(store: str, folder: Path) -> str:
    """Return where the store is, seen from anywhere: DVC would start at .dvc, people do not."""
    if "://" in store or store.startswith(("/", "~")):
        return store
    return os.path.normpath(folder / store)


def first_commit(project: str, env: dict[str, str]) -> None:
    """Commit everything once, and let dev, uat and main start there."""
    # A person's own hooks, signing key and ignore list must not decide what is generated.
    own = ("core.hooksPath=/dev/null", "commit.gpgSign=false", "core.excludesFile=")
    plain = [word for setting in own for word in ("-c", setting)]
    git(*plain, "init", "--quiet", env=env)
    git(*plain, "symbolic-ref", "HEAD", f"refs/heads/{BRANCHES[0]}", env=env)
    git(*plain, "add", "--all", env=env)
    git(*plain, "commit", "--quiet", "--message", f"Generate {project} from its template", env=env)
    for branch in BRANCHES[1:]:
        git(*plain, "branch", "--no-track", branch, env=env)


def main() -> None:
    """Finish the repository that cookiecutter has just written."""
    answers = json.loads(ANSWERS)
    store = answers["data_store"]
    config = Path(".dvc/config")
    place = absolute(store, Path(answers["_output_dir"]))
    text = config.read_text("utf-8").replace(f'url = "{store}"', f'url = "{place}"')
    config.write_text(text, "utf-8")
    if Path(".git").exists():
        sys.stdout.write("The files of the template are written: see git diff.\n")
        return
    first_commit(answers["project"], environment(answers["owner"]))
    sys.stdout.write(
        f"\n{answers['project']} is ready: one commit, branches {', '.join(BRANCHES)}. Next:\n"
        f"  cd {shlex.quote(str(Path.cwd()))}\n"
        "  make setup\n"
        "  make reproduce\n"
        "make alone lists every task.\n"
    )


if __name__ == "__main__":
    main()
