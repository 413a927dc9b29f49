"""A network of the ground."""

from cdktf_cdktf_provider_docker.network import Network as DockerNetwork
from constructs import Construct

from ground.settings import LABEL


class Network(Construct):
    """Those on it reach each other; closed, they reach nobody else, and nobody else them."""

    def __init__(self, scope: Construct, name: str, ground: str, *, closed: bool = True) -> None:
        super().__init__(scope, f"network-{name}")
        self.network = DockerNetwork(
            self,
            "network",
            name=f"{ground}-{name}",
            driver="bridge",
            internal=closed,
            labels=[{"label": LABEL, "value": ground}],
        )
