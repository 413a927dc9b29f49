"""Retraining: new data, as a pull request with its report."""

import re

from gitops import change
from gitops.bundle import LOCK
from gitops.context import Context
from gitops.forge import Pull
from gitops.git import Taken
from gitops.settings import Refused

PARAMS = "params.yaml"
# In the block of that name alone: its lines are indented, empty, or remarks.
UNTIL = re.compile(r"(?m)^(ingest:.*\n(?:(?: .*|#.*)?\n)*?  until: )(\d+)")


def retrain(context: Context, month: int) -> Pull:
    """Raise `ingest.until`, train, and open the pull request; the one that is open already counts.

    Raises:
        Refused: the data is there already, or a stage does not take it.
    """
    repository, where = context.repository, context.first
    tip = repository.tip(where.branch)
    if tip is None:
        raise Refused(f"{where.branch}: the remote has no such branch; push it")
    params = raised((repository.file(tip, PARAMS) or b"").decode(), month)
    branch = f"retrain/{month}"
    if found := context.forge.pulls(head=branch, base=where.branch):
        return found[0]
    tree = repository.with_file(repository.tree(tip), PARAMS, params)
    title = f"Retrain with the data of month {month}"
    draft = repository.write_commit(tree, tip, f"{title}\n")
    with repository.checkout(draft) as folder:
        lock = change.train(context, folder, tree)
    commit = repository.write_commit(repository.with_file(tree, LOCK, lock), tip, f"{title}\n")
    try:
        repository.push(commit, f"refs/heads/{branch}", repository.tip(branch))
    except Taken:
        raise Refused(f"{branch}: pushed by somebody else meanwhile; look there first") from None
    body = f"The data of month {month} has arrived: `ingest.until` is raised, the model trained.\n"
    pull = context.forge.open(branch, where.branch, title, body)
    context.forge.dispatch("pull-request.yml", branch, {"pull": str(pull.number)})
    return pull


def raised(params: str, month: int) -> str:
    """params.yaml with a later last month; every other character stays.

    Raises:
        Refused: there is no such key, or the month is not later.
    """
    found = UNTIL.search(params)
    if found is None:
        raise Refused(f"{PARAMS}: has no ingest.until to raise")
    if month <= int(found[2]):
        raise Refused(
            f"{PARAMS}: ingest.until = {found[2]}: month {month} is in the data already; "
            "name a later one"
        )
    return UNTIL.sub(rf"\g<1>{month}", params, count=1)
