"""The token of GitHub, and who is shown it. It stands in no argument, no file and no message."""

import base64
import os
from collections.abc import Mapping

from gitops.settings import Refused

GITHUB = "https://github.com"


def server() -> str:
    """The GitHub server in use: Actions names that of an enterprise."""
    return (os.environ.get("GITHUB_SERVER_URL") or GITHUB).rstrip("/")


def token() -> str:
    """The token in GH_TOKEN.

    Raises:
        Refused: there is none, or it can't be one.
    """
    found = os.environ.get("GH_TOKEN", "").strip()
    if not found:
        raise Refused(
            "GH_TOKEN: not set, and GitHub wants to know who asks; set it to a token for this "
            'repository: `export GH_TOKEN="$(gh auth token)"`, in a workflow under `env:`'
        )
    # An HTTP library repeats a header that it can't send in its error.
    if not (found.isascii() and found.isprintable() and " " not in found):
        raise Refused("GH_TOKEN: holds characters that no token has; copy it again")
    return found


def for_git(env: Mapping[str, str]) -> dict[str, str]:
    """Variables by which git shows the token to the GitHub server, over https, and to nobody else.

    An empty header clears those of a checkout that kept its own: GitHub answers two with an error.
    """
    secret, count = env.get("GH_TOKEN", "").strip(), env.get("GIT_CONFIG_COUNT") or "0"
    if not secret or not count.isdecimal() or not server().startswith("https://"):
        return {}
    said = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
    added = {"GIT_CONFIG_COUNT": str(int(count) + 2)}
    for number, value in enumerate(("", f"AUTHORIZATION: basic {said}"), int(count)):
        added |= {
            f"GIT_CONFIG_KEY_{number}": f"http.{server()}/.extraheader",
            f"GIT_CONFIG_VALUE_{number}": value,
        }
    return added
