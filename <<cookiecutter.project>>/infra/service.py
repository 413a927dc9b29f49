"""One of an environment's two slots: the containers of one release, or none.

Both are the same but for their name: a release is brought up in the one that clients are not led
to, so nothing that serves is touched until it has been verified.
"""

from cdktf import TerraformStack
from cdktf_cdktf_provider_docker.container import (
    Container,
    ContainerCapabilities,
    ContainerNetworksAdvanced,
)
from cdktf_cdktf_provider_docker.network import Network
from cdktf_cdktf_provider_docker.volume import Volume

from gitops.targets import labels
from infra import alerts
from infra.docker import SECRETS, hardened, labelled, mounted
from infra.settings import Ground, Settings

STATE = "/state"  # where an image keeps what is to outlive it
SCRATCH = "size=64m,mode=1777,noexec,nosuid,nodev"  # what libraries write to /tmp is some KB
PLACE = '${count.index == 0 ? "" : "-${count.index}"}'  # of one among several
SECONDS = 5  # to end after drain_seconds have passed
# `serves`: clients were led to it, so the engine starts it again whenever it ends. `secrets`: the
# names of what it is given in files; what stands in them is in no plan and in no state.
TYPE = (
    "object({ image = string, tree = string, number = number, serves = bool, "
    "secrets = list(string) })"
)


class Service:
    def __init__(
        self,
        stack: TerraformStack,
        slot: str,
        settings: Settings,
        network: Network,
        volumes: dict[str, Volume],
        ground: Ground | None,
    ) -> None:
        release = f"var.{slot}"
        stack.add_override(f"variable.{slot}", {"type": TYPE, "nullable": True})
        networks = [ContainerNetworksAdvanced(name=network.name, aliases=[slot])]
        if ground:
            known = alerts.alias(PLACE)
            networks.append(ContainerNetworksAdvanced(name=ground.network, aliases=[known]))
        self.container = Container(
            stack,
            slot,
            name=f"${{var.stack}}-${{{release}.number}}{PLACE}",
            image=f"${{{release}.image}}",
            command=["--environment", settings.name, "--number", f"${{{release}.number}}"],
            labels=labelled(
                {
                    labels.STACK: "${var.stack}",
                    labels.NUMBER: f"${{{release}.number}}",
                    labels.SLOT: slot,
                    labels.TREE: f"${{{release}.tree}}",
                    labels.IMAGE: f"${{{release}.image}}",
                }
            ),
            networks_advanced=networks,
            volumes=mounted({STATE: volumes["state"], SECRETS: volumes["secrets"]}),
            tmpfs={"/tmp": SCRATCH},  # noqa: S108
            capabilities=ContainerCapabilities(drop=["ALL"]),
            restart=f'${{{release}.serves ? "unless-stopped" : "no"}}',
            destroy_grace_seconds=int(settings.drain_seconds) + SECONDS,
            **hardened(settings.memory_mb),
        )
        given = f'[for name in {release}.secrets : "${{name}}_FILE={SECRETS}/${{name}}"]'
        self.container.add_override("env", f"${{{given}}}")
        count = f"${{{release} == null ? 0 : {settings.workers}}}"
        self.container.add_override("count", count)
