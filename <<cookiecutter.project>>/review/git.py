"""What the review asks git: the files of other commits."""

import subprocess

from pipeline.stage import StageError

SECONDS = 30  # no question asked here takes one; a hanging file system must not hang the report


def resolve(ref: str) -> str:
    """The commit that a ref names.

    Raises:
        StageError: there is none.
    """
    found = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found is None:
        raise StageError(f"{ref!r}: no such commit here; fetch it, or name another base")
    return found.strip()


def text(commit: str, path: str) -> str | None:
    """A file of a commit, or None where the commit has none of that name."""
    return git("cat-file", "blob", f"{commit}:{path}")


def git(*words: str) -> str | None:
    done = subprocess.run(
        ["git", *words], capture_output=True, text=True, check=False, timeout=SECONDS
    )
    return done.stdout if done.returncode == 0 else None
