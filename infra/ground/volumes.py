"""One container that fills the volumes before the others begin, and ends.

A new volume is root's, and no service is root. The engine takes no files for a container that can't
be written to, and the services can't: so this one takes them, on the same volumes.
"""

from cdktf_cdktf_provider_docker.container import (
    Container,
    ContainerCapabilities,
    ContainerUpload,
    ContainerVolumes,
)
from cdktf_cdktf_provider_docker.image import Image
from constructs import Construct

from ground.service import LOGS, Service
from ground.settings import LABEL, Settings

MEMORY_MB = 64  # a shell's


class Volumes(Construct):
    """The only one that runs as root: it may change owners and nothing else, and has no network."""

    def __init__(self, scope: Construct, settings: Settings, services: list[Service]) -> None:
        super().__init__(scope, "volumes")
        image = Image(self, "image", name=settings.images.database, keep_locally=True)
        mounted, uploads, words = [], [], ["set -e"]
        for one in services:
            user, ground, data = one.about.user, f"/{one.node.id}/ground", f"/{one.node.id}/data"
            mounted.append(ContainerVolumes(container_path=ground, volume_name=one.settings.name))
            uploads += [
                ContainerUpload(file=f"{ground}/{name}", content=content)
                for name, content in one.about.files.items()
            ]
            # Terraform knows their paths, and nothing of what stands in them.
            uploads += [
                ContainerUpload(file=f"{ground}/{name}", source=str(path))
                for name, path in one.about.secrets.items()
            ]
            words += [f"chmod 0400 {ground}/*", f"chown {user}:{user} {ground}/*"]
            if one.data:
                mounted.append(ContainerVolumes(container_path=data, volume_name=one.data.name))
                words.append(f"chown {user}:{user} {data}")
        self.container = Container(
            self,
            "container",
            name=f"{settings.name}-volumes",
            image=image.image_id,
            entrypoint=["sh", "-c", "\n".join(words)],
            user="0:0",
            labels=[{"label": LABEL, "value": settings.name}],
            network_mode="none",
            volumes=mounted,
            upload=uploads,
            capabilities=ContainerCapabilities(drop=["ALL"], add=["CAP_CHOWN"]),
            security_opts=["no-new-privileges"],
            memory=MEMORY_MB,
            memory_swap=MEMORY_MB,
            log_driver="json-file",
            log_opts=LOGS,
            attach=True,  # done before the others begin
            must_run=False,
        )
        own = f"{self.container.terraform_resource_type}.{self.container.friendly_unique_id}"
        for one in services:
            one.container.add_override("depends_on", [own])
