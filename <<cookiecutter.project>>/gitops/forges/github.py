"""Pull requests on GitHub, with the token in GH_TOKEN."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from gitops.forge import Pull, fitting
from gitops.forges.patience import again, anew
from gitops.forges.rest import Asked, Rest, strange

READ = "pull-requests: read"
WRITE = "pull-requests: write"
# GITHUB_TOKEN opens none before this is on, whatever its permissions say.
SETTING = (
    "; in a workflow, also turn on Settings, Actions, General, "
    '"Allow GitHub Actions to create and approve pull requests"'
)
# Whose comments are taken for ours. Others could write the marker first, and then change what
# we say under their name.
TRUSTED = {"OWNER", "MEMBER", "COLLABORATOR"}


class GitHub:
    """A repository on GitHub."""

    def __init__(self, owner: str, name: str, api: str) -> None:
        self.owner = owner
        self.name = name
        self.rest = Rest(owner, name, api)

    @again
    def pulls(self, *, head: str | None = None, base: str | None = None) -> list[Pull]:
        """The open ones, oldest first; `head` is a branch of the repository itself."""
        return self.listed(self.asked("listing pull requests", READ), head, base)

    @again
    def pull(self, number: int) -> Pull:
        """The one of a number, open or not."""
        return self.found(self.asked(f"reading pull request {number}", READ), number)

    @again
    def open(self, head: str, base: str, title: str, body: str) -> Pull:
        """Ask to merge `head` into `base`. One that is open gets this title and text instead."""
        asked = self.asked(f"opening a pull request from {head} to {base}", WRITE, SETTING)
        about = {"title": title, "body": fitting(body)}
        for known in self.listed(asked, head, base):
            if (known.title, known.body) == (about["title"], about["body"]):
                return known
            changed = self.rest.value(asked, "PATCH", f"/pulls/{known.number}", body=about)
            return pull_of(asked, changed)
        new = {"head": head, "base": base} | about
        return pull_of(asked, self.rest.value(asked, "POST", "/pulls", body=new))

    @again
    def comment(self, number: int, marker: str, body: str) -> None:
        """Say something under a pull request; what was said with the same marker is replaced."""
        self.say(number, marker, body)

    @again
    def close(self, number: int, reason: str) -> None:
        """Close one without merging it, saying why; nothing happens to one that is not open."""
        asked = self.asked(f"closing pull request {number}", WRITE)
        if self.found(asked, number).state == "open":
            self.say(number, "<!-- closed -->", reason)
            self.rest.ask(asked, "PATCH", f"/pulls/{number}", body={"state": "closed"})

    @again
    def vouch(self, commit: str, check: str, url: str, *, passed: bool) -> None:
        """Say on a commit whether a check has passed, and where to read how."""
        asked = self.asked(f"the status of {commit[:12]}", "statuses: write")
        state, said = ("success", "passed") if passed else ("failure", "did not pass")
        about = {"state": state, "context": check, "description": said, "target_url": url}
        self.rest.ask(asked, "POST", f"/statuses/{commit}", body=about)

    @anew
    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow, by its file's name, on a branch."""
        asked = self.asked(f"starting {workflow} on {ref}", "actions: write")
        path = f"/actions/workflows/{quote(workflow, safe='')}/dispatches"
        self.rest.ask(asked, "POST", path, body={"ref": ref, "inputs": dict(inputs)})

    def asked(self, what: str, needs: str, hint: str = "") -> Asked:
        return Asked(f"{self.owner}/{self.name}: {what}", needs, hint)

    def listed(self, asked: Asked, head: str | None, base: str | None) -> list[Pull]:
        query = {"state": "open", "sort": "created", "direction": "asc"}
        query |= {"head": f"{self.owner}:{head}"} if head else {}
        query |= {"base": base} if base else {}
        found = [pull_of(asked, one) for one in self.rest.values(asked, "/pulls", query)]
        # An owner's fork of its own repository has the same name before the branch.
        return [one for one in found if head is None or (one.head == head and not one.fork)]

    def found(self, asked: Asked, number: int) -> Pull:
        return pull_of(asked, self.rest.value(asked, "GET", f"/pulls/{number}"))

    def say(self, number: int, marker: str, body: str) -> None:
        asked = self.asked(f"commenting on pull request {number}", WRITE)
        path, about = f"/issues/{number}/comments", {"body": fitting(body, marker)}
        for one in self.rest.values(asked, path, {}):
            if ours(one) and one["body"].startswith(marker):
                if one["body"] != about["body"]:
                    self.rest.ask(asked, "PATCH", f"/issues/comments/{one['id']}", body=about)
                return
        self.rest.ask(asked, "POST", path, body=about)


def ours(comment: Mapping[str, Any]) -> bool:
    user = comment.get("user") or {}
    return user.get("type") == "Bot" or comment.get("author_association") in TRUSTED


def pull_of(asked: Asked, found: Any) -> Pull:
    """A pull request from GitHub's account of it.

    Raises:
        Refused: it is no account of one.
    """
    state: Literal["open", "merged", "closed"]
    try:
        head, base = found["head"], found["base"]
        state = "merged" if found["merged_at"] else "closed"
        state = "open" if found["state"] == "open" else state
        return Pull(
            number=found["number"],
            title=found["title"],
            body=found["body"] or "",
            head=head["ref"],
            commit=head["sha"],
            base=base["ref"],
            url=found["html_url"],
            state=state,
            # A fork that was deleted leaves nothing behind.
            fork=not head["repo"] or head["repo"]["full_name"] != base["repo"]["full_name"],
            author=(found["user"] or {"login": "ghost"})["login"],
        )
    except (KeyError, TypeError) as error:
        raise strange(asked, error) from None
