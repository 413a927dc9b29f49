"""What the ground's Prometheus is told of an environment, written to the volume that it reads.

Nobody is watched for before the first release. The label of what writes it names the volume, so
that whoever ends the environment knows where to tidy up.
"""

import hashlib

from cdktf import TerraformStack
from cdktf_cdktf_provider_docker.container import ContainerVolumes

from gitops.targets import caddy, labels
from infra import alerts, docker
from infra.settings import Settings


class Observation:
    def __init__(self, stack: TerraformStack, project: str, settings: Settings, rules: str) -> None:
        files = alerts.files(project, settings)
        made_of = "\0".join([rules, *files.values()])
        container = docker.written(
            stack,
            "rules",
            f"${{var.stack}}-rules-{hashlib.sha256(made_of.encode()).hexdigest()[:8]}",
            [ContainerVolumes(volume_name=rules, container_path=alerts.FOLDER)],
            files,
            **{labels.RULES: rules},
        )
        empty = " && ".join(f"var.{slot} == null" for slot in caddy.SLOTS)
        container.add_override("count", f"${{{empty} ? 0 : 1}}")
