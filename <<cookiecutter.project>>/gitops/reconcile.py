"""Make the world agree with git: tags held by others, processes, registry, pull requests.

Safe at any time, from any machine; a second run changes nothing.
"""

from collections.abc import Iterator

from gitops import bundle, journal, promote
from gitops.context import Context
from gitops.deploy import Superseded, deploy, holds, swap
from gitops.environment import Environment
from gitops.git import Taken
from gitops.journal import Deployment, Journal
from gitops.records import SHORT
from gitops.settings import Refused
from gitops.status import equal, failed


def reconcile(context: Context) -> Iterator[str]:
    """Mend what can be mended; yields each thing that was changed or could not be.

    Raises:
        Refused: something could not be mended; all the rest was.
    """
    wrong = []
    for step in (tags, services, registry, pulls):
        try:
            yield from step(context)
        except Refused as refusal:
            wrong.append(str(refusal))
    if wrong:
        raise Refused("\n".join(wrong))


def tags(context: Context) -> Iterator[str]:
    """Bring back the tags that others were made from."""
    repository = context.repository
    known = journal.read(repository)
    # One that comes back may show that the one it was made from is lost too.
    while lost := {name: known.lost[name] for name in known.lost.keys() - known.damaged.keys()}:
        for name, object_ in lost.items():
            try:
                repository.push(object_, f"refs/tags/{name}")
                yield f"{name}: brought back"
            except Taken:
                yield f"{name}: brought back by another run meanwhile"
        repository.fetch()
        known = journal.read(repository)
    if known.damaged:
        raise Refused("\n".join(known.damaged.values()))


def services(context: Context) -> Iterator[str]:
    """Let each environment serve what git says: what is missing is brought up by its number."""
    wrong = []
    for where in context.environments.values():
        try:
            yield from service(context, where)
        except Superseded as refusal:
            yield str(refusal)
        except Refused as refusal:
            wrong.append(f"{where.name}: {refusal}")
    if wrong:
        raise Refused("\n".join(wrong))


def service(context: Context, where: Environment) -> Iterator[str]:
    known = journal.read(context.repository)
    tip = context.repository.tip(where.branch)
    refused = None
    if tip and owed(known, where, tree := context.repository.tree(tip)):
        try:
            if end := failed(known, where, tree):
                raise Refused(f"deployment {end.number} of {tree[:SHORT]} failed: {end.reason}")
            yield deployed(context, where, tip)
            return
        except Superseded:
            raise
        except Refused as refusal:
            refused = refusal  # what ran before is to serve nonetheless
    if current := known.current(where.name):
        yield from served(context, known, where, current, tip)
    if refused:
        raise refused


def owed(known: Journal, where: Environment, tree: str) -> bool:
    """Does an environment that has begun to run owe its branch a deployment?"""
    current, unfinished = known.current(where.name), known.pending(where.name)
    if unfinished is None and (current is None or current.intent.tree == tree):
        return False
    return tree in known.releases


def deployed(context: Context, where: Environment, tip: str) -> str:
    outcome = deploy(context, where, tip)
    return f"{where.name}: deployment {outcome.number} is healthy at {where.url}"


def served(
    context: Context, known: Journal, where: Environment, current: Deployment, tip: str | None
) -> Iterator[str]:
    """Let what git says serve, if it does not."""
    release = known.release(current.intent.tree)
    target, number = context.target(where), known.numbers[where.name]
    running = target.running()
    if (
        running
        and equal(context, known, where, release, running)
        and holds(known, running, release)
    ):
        for what in (drift := target.drift()):
            yield f"{where.name}: {what}"
        if drift:
            context.lasting(where).mend()
            yield f"{where.name}: mended"
        return
    if tip and running and running.number >= number:
        # It is replaced by a number of its own only.
        yield deployed(context, where, tip)
        return
    lasting = context.lasting(where)
    files = bundle.make(context.repository, release, context.home)
    swap(context, lasting, release, number, files)
    yield f"{where.name}: {release.name} serves again at {where.url}"


def registry(context: Context) -> Iterator[str]:
    """Register what is missing, in the order of the versions; let aliases follow deployments."""
    known = journal.read(context.repository)
    state = context.registry.read()
    missing = [one for tree, one in known.releases.items() if tree not in state.versions]
    if missing:
        context.registry.rebuild(
            missing, lambda release: bundle.make(context.repository, release, context.home)
        )
        yield f"registry: {', '.join(one.name for one in missing)} registered"
        state = context.registry.read()
    for where in context.environments.values():
        current = known.current(where.name)
        if current is None:
            continue
        version = state.versions.get(current.intent.tree)
        if version and state.aliases.get(where.name) != version:
            context.registry.alias(where.name, current.intent.tree)
            yield f"registry: alias {where.name} names version {version}"


def pulls(context: Context) -> Iterator[str]:
    """Rebuild promotions on moved targets, and open those that a killed delivery owes."""
    for where in context.environments.values():
        yield from promote.refresh(context, where)
        yield from promote.onward(context, where, again=False)
