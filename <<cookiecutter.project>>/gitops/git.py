"""The repository and its remote, through git's plumbing. It asks nobody for a password."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops import plumbing
from gitops.plumbing import ODD, SECONDS, last
from gitops.settings import Refused

RECORDS = ("release", "deploy", "deployed", "forced")  # the names under refs/tags that are ours
TRIES = 5  # of a fetch, while others in the same clone are quicker; each has then moved on


class Taken(Exception):
    """Somebody else wrote this ref first."""


@dataclass(frozen=True, slots=True)
class Tag:
    name: str
    id: str  # of the tag object; of the commit where the tag has no message
    object: str  # what the tag points at: a commit, or another tag's object
    kind: str  # of that object; empty where the tag has no message


@dataclass(frozen=True)
class Repository:
    path: Path
    remote: str  # its name

    def git(
        self,
        *words: str,
        text: str | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> str:
        """Run git and return what it says.

        Raises:
            Refused: it failed, with its own last words, or took too long.
        """
        done = self.run(*words, text=text, env=env, seconds=seconds)
        if done.returncode:
            raise Refused(f"git {words[0]}: {last(done.stderr)}")
        return done.stdout

    def run(
        self,
        *words: str,
        text: str | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        data = None if text is None else text.encode(errors=ODD)
        done = plumbing.run(self.path, *words, data=data, env=env, seconds=seconds)
        said, failed = done.stdout.decode(errors=ODD), done.stderr.decode(errors=ODD)
        return subprocess.CompletedProcess(done.args, done.returncode, said, failed)

    @property
    def url(self) -> str:
        return self.git("remote", "get-url", self.remote).strip()

    def commit(self, ref: str) -> str:
        """The commit that a ref names.

        Raises:
            Refused: there is none.
        """
        found = self.peeled(ref, "commit")
        if found is None:
            raise Refused(f"{ref!r}: no such commit here; fetch it, or correct the name")
        return found

    def tree(self, ref: str) -> str:
        found = self.peeled(ref, "tree")
        if found is None:
            raise Refused(f"{ref!r}: no such tree here; fetch it, or correct the name")
        return found

    def peeled(self, ref: str, kind: str) -> str | None:
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{{kind}}}")
        return self.run(*words).stdout.strip() or None

    def tip(self, branch: str) -> str | None:
        """The commit of a branch of the remote, as last fetched."""
        return self.peeled(f"refs/remotes/{self.remote}/{branch}", "commit")

    def file(self, ref: str, path: str) -> bytes | None:
        """A file of a commit or tree; None where there is none of that name.

        Raises:
            Refused: it is there, and its content is not here.
        """
        done = plumbing.run(self.path, "cat-file", "blob", f"{ref}:{path}")
        if done.returncode and path in self.entries(ref, path):
            raise Refused(
                f"{path} of {ref[:12]}: its content is not in this clone; "
                "make one without `--filter`"
            )
        return None if done.returncode else done.stdout

    def entries(self, ref: str, *paths: str) -> dict[str, str]:
        """The blob of each file under `paths` (all, if none is given), by path."""
        words = ("ls-tree", "-r", "-z", "--full-tree", ref, "--", *paths)
        listed = self.git(*words, env={"GIT_LITERAL_PATHSPECS": "1"})
        lines = (line.split("\t", 1) for line in listed.split("\0") if line)
        return {path: about.split()[2] for about, path in lines}

    def differing(self, one: str, other: str) -> list[str]:
        """The paths in which two trees differ."""
        words = ("diff-tree", "-r", "-z", "--name-only", "--no-renames")
        return [path for path in self.git(*words, one, other).split("\0") if path]

    def is_ancestor(self, one: str, other: str) -> bool:
        return self.run("merge-base", "--is-ancestor", one, other).returncode == 0

    def message(self, commit: str) -> str:
        return self.git("cat-file", "commit", commit).partition("\n\n")[2]

    def merged(self, base: str, head: str) -> str | None:
        """The tree that merging `head` into `base` would give; None where they conflict."""
        # git answers as for a conflict where it does not know one of them.
        commits = self.commit(base), self.commit(head)
        done = self.run("merge-tree", "--write-tree", "--no-messages", *commits)
        if done.returncode > 1:
            raise Refused(f"git merge-tree: {last(done.stderr)}")
        return done.stdout.strip() if done.returncode == 0 else None

    def write_commit(self, tree: str, parent: str, message: str) -> str:
        """A commit with exactly this tree, on nothing but its parent."""
        return self.git("commit-tree", tree, "-p", parent, "-F", "-", text=message).strip()

    def with_file(self, tree: str, path: str, content: str) -> str:
        """The tree with one file's content replaced."""
        blob = self.git("hash-object", "-w", "--stdin", text=content).strip()
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self.git("read-tree", tree, env=env)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
            return self.git("write-tree", env=env).strip()

    @contextlib.contextmanager
    def checkout(self, commit: str) -> Iterator[Path]:
        """The files of a commit in a folder of their own, gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="checkout-") as name:
            folder = Path(name) / "tree"
            self.git("worktree", "add", "--quiet", "--detach", str(folder), commit)
            try:
                yield folder
            finally:
                self.run("worktree", "remove", "--force", str(folder))

    def fetch(self, seconds: float = SECONDS) -> None:
        """Make the remote's branches and records those that are known here.

        Raises:
            Refused: the remote can't be read, or history is cut off here.
        """
        if self.git("rev-parse", "--is-shallow-repository").strip() == "true":
            raise Refused(
                "this clone is shallow, and what may run is decided by history: "
                "run `git fetch --unshallow` (in a workflow: `fetch-depth: 0`)"
            )
        branches = f"+refs/heads/*:refs/remotes/{self.remote}/*"
        records = [f"+refs/tags/{name}/*:refs/tags/{name}/*" for name in RECORDS]
        words = ("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head")
        for _ in range(TRIES):
            done = self.run(*words, self.remote, branches, *records, seconds=seconds)
            if "cannot lock ref" not in done.stderr:
                break
        if done.returncode:
            raise Refused(f"git fetch: {last(done.stderr)}")

    def tags(self) -> Iterator[tuple[Tag, str]]:
        """Every record with its message, in one question to git; messages come one at a time."""
        fields = ("refname:lstrip=2", "objectname", "object", "type", "contents")
        form = "".join(f"%({field})%00" for field in fields)
        words = ("for-each-ref", f"--format={form}", *(f"refs/tags/{name}/" for name in RECORDS))
        parts = plumbing.parts(self.path, *words)
        for name, id_, object_, kind, message in zip(*[parts] * len(fields), strict=False):
            yield Tag(name.lstrip("\n"), id_, object_ or id_, kind), message

    def write_tag(self, name: str, object_: str, kind: str, message: str) -> str:
        """An annotated tag's object, which no ref names yet; `kind` is that of what it tags."""
        tagger = self.git("var", "GIT_COMMITTER_IDENT").strip()
        head = f"object {object_}\ntype {kind}\ntag {name}\ntagger {tagger}\n\n{message}\n"
        return self.git("mktag", text=head).strip()

    def push(
        self, id_: str, ref: str, expected: str | None = None, seconds: float = SECONDS
    ) -> None:
        """Set a ref of the remote, if it is still what it was known to be (None: absent).

        Raises:
            Taken: somebody else was first.
            Refused: the remote does not take it.
        """
        words = ("push", "--porcelain", "--no-verify", f"--force-with-lease={ref}:{expected or ''}")
        done = self.run(*words, self.remote, f"{id_}:{ref}", seconds=seconds)
        # Each server has words of its own for a lost race, and an answer can be lost on its way.
        now = id_ if done.returncode == 0 else self.at_remote(ref, seconds)
        if now == id_:
            branch = ref.removeprefix("refs/heads/")
            here = ref if branch == ref else f"refs/remotes/{self.remote}/{branch}"
            if self.run("update-ref", here, id_).returncode:  # as a fetch would tell
                self.fetch(seconds)
            return
        if now != expected:
            raise Taken(ref)
        status = (
            line.rpartition("\t")[2] for line in done.stdout.splitlines() if line.startswith("!")
        )
        said = (line.rstrip() for line in done.stderr.splitlines() if line.startswith("remote: "))
        reason = ", ".join([*status, *said][:2]) or last(done.stderr)
        raise Refused(f"{self.remote} does not take {ref}: {reason}; see docs/promotion.md")

    def at_remote(self, ref: str, seconds: float = SECONDS) -> str | None:
        """What a ref of the remote is now."""
        listed = self.git("ls-remote", "--quiet", self.remote, ref, seconds=seconds)
        found = (line.split("\t") for line in listed.splitlines())
        return next((id_ for id_, name in found if name == ref), None)


def find(remote: str | None = None) -> Repository:
    """The repository of this folder and the remote that its records live on.

    Raises:
        Refused: no repository here, or no remote.
    """
    here = Repository(Path.cwd(), remote or "")
    asked = here.run("rev-parse", "--show-toplevel")
    top = asked.stdout.removesuffix("\n")
    if not top:
        raise Refused(f"{Path.cwd()}: {last(asked.stderr)}; run from the project's root")
    known = here.git("remote").split()
    wanted = [remote] if remote else ["origin", "rehearsal"]
    for name in wanted:
        if name in known:
            return Repository(Path(top), name)
    raise Refused(
        f"no git remote {' or '.join(map(repr, wanted))}: add one (`git remote add origin URL`), "
        "or run `make rehearse`, which makes one on this machine"
    )
