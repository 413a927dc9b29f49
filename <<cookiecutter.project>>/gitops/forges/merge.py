"""What merging a pull request makes, by the three ways that GitHub has. No branch is moved here."""

from collections.abc import Mapping

from gitops.forge import Pull
from gitops.git import Repository
from gitops.settings import Refused

WAYS = ("merge", "squash", "rebase")


def commit(repository: Repository, pull: Pull, base: str, how: str, who: Mapping[str, str]) -> str:
    """The commit that the base branch, now at `base`, moves to; `who` is git's author, committer.

    Raises:
        Refused: it conflicts, brings nothing, or there is no such way.
    """
    if how not in WAYS:
        raise Refused(f"{how!r}: no way to merge; there are {', '.join(WAYS)}")
    if how == "rebase":
        return replayed(repository, pull, base, who)
    tree = repository.merged(base, pull.commit)
    if tree is None:
        raise conflict(pull)
    if how == "squash":
        return written(repository, tree, [base], squashed(repository, pull, base), who)
    said = f"Merge pull request #{pull.number} from {pull.head}\n\n{pull.title}\n"
    return written(repository, tree, [base, pull.commit], said, who)


def squashed(repository: Repository, pull: Pull, base: str) -> str:
    """One commit keeps its own message; of several, the messages become a list."""
    messages = [repository.message(one).strip() for one in commits(repository, pull, base)]
    if len(messages) == 1:
        subject, _, rest = messages[0].partition("\n")
        return f"{subject} (#{pull.number})\n{rest}\n"
    listed = "\n\n".join(f"* {message}" for message in messages)
    return f"{pull.title} (#{pull.number})\n\n{listed}\n"


def replayed(repository: Repository, pull: Pull, base: str, who: Mapping[str, str]) -> str:
    """Each commit again on top of the base, its author kept; merges and empty ones are left out."""
    tip = base
    for one in commits(repository, pull, base):
        parent = repository.peeled(f"{one}^", "commit")
        if parent is None:
            raise conflict(pull)
        # The tip's files on the parent's history: merging into that applies this commit alone.
        ours = written(repository, repository.tree(tip), [parent], "replay\n", who)
        tree = repository.merged(ours, one)
        if tree is None:
            raise conflict(pull)
        if tree != repository.tree(tip):
            message, author = repository.message(one), author_of(repository, one)
            tip = written(repository, tree, [tip], message, {**who, **author})
    if tip == base:
        raise Refused(f"#{pull.number}: brings nothing that {pull.base} has not; close it")
    return tip


def commits(repository: Repository, pull: Pull, base: str) -> list[str]:
    words = ("rev-list", "--reverse", "--topo-order", "--no-merges")
    return repository.git(*words, f"{base}..{pull.commit}", "--").split()


def author_of(repository: Repository, one: str) -> dict[str, str]:
    header = repository.git("cat-file", "commit", one).partition("\n\n")[0]
    line = next(line for line in header.splitlines() if line.startswith("author "))
    name, _, rest = line.removeprefix("author ").partition(" <")
    email, _, date = rest.partition("> ")
    return {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": f"@{date}"}


def written(
    repository: Repository, tree: str, parents: list[str], message: str, who: Mapping[str, str]
) -> str:
    words = [word for parent in parents for word in ("-p", parent)]
    return repository.git("commit-tree", tree, *words, "-F", "-", text=message, env=who).strip()


def conflict(pull: Pull) -> Refused:
    return Refused(
        f"#{pull.number}: {pull.head} conflicts with {pull.base}; merge {pull.base} into "
        f"{pull.head}, push it, then merge this again"
    )
