"""What keeps an environment's address open: Caddy, which reads its way from a volume.

gitops/targets/gateway.py moves the way itself, at every switch.
"""

from cdktf import TerraformStack
from cdktf_cdktf_provider_docker.container import (
    Container,
    ContainerCapabilities,
    ContainerNetworksAdvanced,
    ContainerPorts,
)
from cdktf_cdktf_provider_docker.network import Network
from cdktf_cdktf_provider_docker.volume import Volume

from gitops.targets import caddy, labels
from infra import docker
from infra.docker import NOBODY, SECRETS, hardened, labelled, mounted
from infra.settings import Settings

HOMES = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")  # where Caddy would keep certificates
SCRATCH = "/tmp"  # noqa: S108  of the container
MEMORY_MB = 256  # ten times what it takes with a thousand connections
STOP_SECONDS = 5  # to end by itself


class Gateway:
    """Made of the variables `stack`, `gateway` (its image) and `ip` (where it listens)."""

    def __init__(
        self, stack: TerraformStack, settings: Settings, network: Network, secrets: Volume
    ) -> None:
        route = Volume(stack, "route", name="${var.stack}-gateway")
        config = f"{caddy.FOLDER}/{caddy.name()}"
        written = docker.written(
            stack,
            "settings",
            f"${{var.stack}}-settings-{caddy.name()[:8]}",
            mounted({caddy.FOLDER: route, SECRETS: secrets}),
            {config: caddy.content().decode()},
        )
        private = caddy.PRIVATE.values()
        made_of = f"${{var.gateway}} {settings.address} {caddy.name()}"
        self.container = Container(
            stack,
            "gateway",
            name="${var.stack}-gateway",
            image="${var.gateway}",
            entrypoint=["caddy"],
            command=["run", "--config", config],
            labels=labelled({labels.GATEWAY: made_of, labels.STACK: "${var.stack}"}),
            networks_advanced=[ContainerNetworksAdvanced(name=network.name)],
            ports=[
                ContainerPorts(internal=caddy.PUBLIC, external=settings.port, ip="${var.ip}"),
                *(ContainerPorts(internal=port, ip="${var.ip}") for port in private),
            ],
            volumes=mounted({caddy.FOLDER: route}),
            env=[f"{name}={SCRATCH}" for name in HOMES],
            user=NOBODY,
            tmpfs={SCRATCH: "size=16m,mode=1777"},
            # The official image's file asks for it, and could not be started without.
            capabilities=ContainerCapabilities(add=["CAP_NET_BIND_SERVICE"], drop=["ALL"]),
            restart="unless-stopped",
            destroy_grace_seconds=STOP_SECONDS,
            depends_on=[written],
            **hardened(MEMORY_MB),
        )
