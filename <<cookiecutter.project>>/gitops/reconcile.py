"""Make the world agree with git: tags held by others, processes, registry, pull requests.

Safe at any time, from any machine; a second run changes nothing.
"""

from collections.abc import Iterator

from gitops import bundle, journal, promote
from gitops.context import Context
from gitops.deploy import Superseded, deploy, swap
from gitops.environment import Environment
from gitops.git import Taken
from gitops.settings import Refused
from gitops.status import equal


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
    for name, object_ in known.lost.items():
        if name in known.damaged:
            continue
        try:
            repository.push(object_, f"refs/tags/{name}")
            yield f"{name}: brought back"
        except Taken:
            yield f"{name}: brought back by another run meanwhile"
    if known.lost:
        repository.fetch()
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
    tree = context.repository.tree(tip) if tip else ""
    current = known.current(where.name)
    unfinished = known.pending(where.name)
    behind = current is None or current.intent.tree != tree or unfinished
    if tip and behind and tree in known.releases and (current or unfinished):
        outcome = deploy(context, where, tip)
        yield f"{where.name}: deployment {outcome.number} is healthy at {where.url}"
        return
    if current is None:
        return
    release, target = known.releases[current.intent.tree], context.target(where)
    running = target.running()
    if running and equal(context, known, where, release, running):
        return
    files = bundle.make(context.repository, release, context.home)
    swap(context, target, release, known.numbers[where.name], files)
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
