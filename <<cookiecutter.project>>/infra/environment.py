"""An environment: its network, its gateway, two slots for releases, and what services keep.

Where a ground is named, services are on its network too, and it watches them.

The same class for all of them. What is to run comes as variables beside the stack
(terraform.tfvars.json), so a new release changes none of what stands here.
"""

from cdktf import TerraformStack
from cdktf_cdktf_provider_docker.network import Network
from cdktf_cdktf_provider_docker.volume import Volume
from constructs import Construct

from gitops.targets import caddy
from infra import docker
from infra.gateway import Gateway
from infra.observation import Observation
from infra.service import Service
from infra.settings import Ground, Settings, State
from infra.state import kept


class Environment(TerraformStack):
    def __init__(
        self,
        scope: Construct,
        project: str,
        settings: Settings,
        state: State | None,
        ground: Ground | None,
    ) -> None:
        super().__init__(scope, settings.name)
        kept(self, state, f"{project}/{settings.name}")
        docker.engine(self)
        for name, what in VARIABLES.items():
            self.add_override(f"variable.{name}", {"type": "string", "description": what})
        network = Network(self, "network", name="${var.stack}", driver="bridge")
        volumes = {
            name: Volume(self, name, name=f"${{var.stack}}-{name}") for name in ("state", "secrets")
        }
        Gateway(self, settings, network, volumes["secrets"])
        for slot in caddy.SLOTS:
            Service(self, slot, settings, network, volumes, ground)
        if ground and ground.rules:
            Observation(self, project, settings, ground.rules)


VARIABLES = {
    "stack": "The name of the environment's things on the engine.",
    "gateway": "The image that keeps its address open.",
    "ip": "The number of the address's host.",
}
