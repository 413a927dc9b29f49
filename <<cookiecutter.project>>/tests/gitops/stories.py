"""Stories that go on by the real steps: git, DVC and the forge of this machine are real."""

import re
from dataclasses import dataclass
from pathlib import Path

from gitops.bundle import LOCK
from gitops.context import Context
from gitops.deploy import deploy
from gitops.forge import Pull
from gitops.promote import promote, rollback
from gitops.records import Outcome
from tests.gitops.past import Past, Told
from tests.gitops.repositories import clone_of
from tests.gitops.tiny import lock_of
from tests.projects import command, succeed

FIX = "hotfix/it"


@dataclass
class Story(Past):
    """A past that goes on."""

    def deploy(self, name: str) -> Outcome:
        where = self.at(name)
        return deploy(self.context, where, self.tip(where.branch))

    def propose(self, name: str, release: str | None = None) -> Pull:
        pull = promote(self.context, self.at(name), release)
        assert pull
        return pull

    def merge(self, pull: Pull, how: str = "squash") -> str:
        made = self.forge.merge(pull.number, how)
        self.repository.fetch()
        return made

    def back(self, name: str, release: str, *, force: bool = False, how: str = "squash") -> None:
        """Open the request that rolls an environment back, and merge it."""
        pull = rollback(self.context, self.at(name), release, force=force)
        assert pull
        self.merge(pull, how)

    def promoted(self, name: str, release: str | None = None, how: str = "squash") -> Outcome:
        self.merge(self.propose(name, release), how)
        return self.deploy(name)

    def hotfixed(self, rate: int = 1, **files: str) -> str:
        """Push a branch from what PROD runs, with a trained change; its commit."""
        base = self.journal.current(self.context.last.name)
        assert base
        ref = f"+{base.intent.commit}:refs/heads/{FIX}"
        self.repository.git("push", "--quiet", "origin", ref)
        return self.trained(rate, FIX, **files)

    def delete(self, *names: str) -> None:
        """Delete tags of the remote, as anybody with a clone can."""
        refs = (f":refs/tags/{name}" for name in names)
        succeed("git", "push", "--quiet", "origin", *refs, cwd=self.repository.path)
        self.repository.fetch()

    def forge_tag(self, name: str, object_: str, kind: str, message: str) -> None:
        """Put another tag in the place of one."""
        tag = self.repository.write_tag(name, object_, kind, message)
        succeed(
            "git", "push", "--quiet", "--force", "origin", f"{tag}:refs/tags/{name}",
            cwd=self.repository.path,
        )  # fmt: skip
        self.repository.fetch()

    def colleague(self, name: str = "colleague") -> "Story":
        """The same world, from another clone."""
        context = self.context
        other = clone_of(self.repository, name)
        other.fetch()
        told = Told(other, context.environments, context.project, context.home, context.world)
        return Story(told, self.made)


@dataclass(frozen=True)
class Trainer:
    """Does at once what `change.train` does with DVC, which test_change.py waits for."""

    story: Story

    def train(self, context: Context, folder: Path, tree: str, *, push: bool = True) -> str:
        text = (folder / "params.yaml").read_text()
        rate, until = (int(re.findall(rf"{key}: (\d+)", text)[0]) for key in ("rate", "until"))
        self.story.store(rate, until, *self.story.stores[: 1 + push])
        lock = lock_of(rate, until)
        (folder / LOCK).write_text(lock)
        return lock


def merged_by_hand(story: Story, pull: Pull, how: str) -> str:
    """Merge by git itself in a clone of its own, and push: no forge has a hand in it.

    Raises:
        AssertionError: it conflicts.
    """
    path = story.repository.path.with_name(f"by-hand-{pull.number}")
    succeed("git", "clone", "--quiet", story.repository.url, str(path), cwd=path.parent)
    head = f"origin/{pull.head}"
    succeed("git", "switch", "--quiet", pull.base, cwd=path)
    if how == "merge":
        succeed("git", "merge", "--quiet", "--no-ff", "--no-edit", head, cwd=path)
    elif how == "squash":
        succeed("git", "merge", "--quiet", "--squash", head, cwd=path)
        succeed("git", "commit", "--quiet", "--message", "squashed", cwd=path)
    else:
        succeed("git", "switch", "--quiet", "--detach", head, cwd=path)
        succeed("git", "rebase", "--quiet", pull.base, cwd=path)
        succeed("git", "branch", "--force", pull.base, "HEAD", cwd=path)
    succeed("git", "push", "--quiet", "origin", pull.base, cwd=path)
    story.repository.fetch()
    return story.tip(pull.base)


def conflicts(story: Story, pull: Pull) -> bool:
    path = story.repository.path
    words = ("merge-tree", "--write-tree", f"origin/{pull.base}", f"origin/{pull.head}")
    return command("git", *words, cwd=path).returncode == 1
