"""The forge of a remote: GitHub, or this machine."""

from gitops.forge import Forge, github_api, home, located
from gitops.forges.local import Local
from gitops.git import Repository
from gitops.settings import Refused


def of(repository: Repository) -> Forge:
    """The forge of the repository's remote.

    Raises:
        Refused: it is none that is known here.
    """
    place = located(repository)
    if not place.host:
        return Local(repository, home(repository))
    if api := github_api(place.host):
        owner, _, name = place.path.partition("/")
        if not owner or not name or "/" in name:
            raise Refused(f"remote {repository.remote!r}: {place}: not <owner>/<name> on GitHub")
        # Its HTTP library takes a fifth of a second to load.
        from gitops.forges.github import GitHub

        return GitHub(owner, name, api)
    raise Refused(
        f"remote {repository.remote!r}: {place}: a forge that is not known here; known are "
        "github.com, the GitHub server that GITHUB_SERVER_URL names, and a bare repository on "
        "this machine"
    )
