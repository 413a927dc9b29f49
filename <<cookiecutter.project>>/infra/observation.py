"""What the ground's Prometheus is told of an environment, written to the volume that it reads.

As a gateway's settings are: by a container that never runs. Nobody is watched for before the first
release. Its label names the volume, so that whoever ends the environment knows where to tidy up.
"""

import hashlib

from cdktf import TerraformResourceLifecycle, TerraformStack
from cdktf_cdktf_provider_docker.container import (
    Container,
    ContainerCapabilities,
    ContainerUpload,
    ContainerVolumes,
)

from gitops.targets import caddy, labels
from infra import alerts
from infra.docker import NOBODY, labelled
from infra.settings import Settings


class Observation:
    def __init__(self, stack: TerraformStack, project: str, settings: Settings, rules: str) -> None:
        files = alerts.files(project, settings)
        made_of = "\0".join([rules, *files.values()])
        container = Container(
            stack,
            "rules",
            name=f"${{var.stack}}-rules-{hashlib.sha256(made_of.encode()).hexdigest()[:8]}",
            image="${var.gateway}",
            entrypoint=["caddy"],
            start=False,
            must_run=False,
            network_mode="none",
            user=NOBODY,
            capabilities=ContainerCapabilities(drop=["ALL"]),
            volumes=[ContainerVolumes(volume_name=rules, container_path=alerts.FOLDER)],
            upload=[
                ContainerUpload(file=path, content=content, permissions="0444")
                for path, content in files.items()
            ],
            labels=labelled({labels.STACK: "${var.stack}", labels.RULES: rules}),
            # So that at no instant nothing is said.
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )
        empty = " && ".join(f"var.{slot} == null" for slot in caddy.SLOTS)
        container.add_override("count", f"${{{empty} ? 0 : 1}}")
