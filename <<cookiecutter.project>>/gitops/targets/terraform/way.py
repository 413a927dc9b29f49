"""The gateway of an environment that terraform makes, as it is asked and led."""

from gitops.targets import caddy
from gitops.targets.gateway import Gateway
from gitops.targets.route import Route, read


class Way(Gateway):
    @property
    def settings(self) -> str:
        """The container beside it, which never runs and has all of its volumes."""
        return f"{self.stack}-settings-{caddy.name()[:8]}"

    def route(self) -> Route | None:
        """Where clients are led, or were until the gateway was removed."""
        found = super().route()
        if found is None and (beside := self.container(self.settings)):
            return read(beside)
        return found
