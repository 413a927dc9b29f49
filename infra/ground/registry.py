"""The registry of images."""

from constructs import Construct

from ground.home import Home
from ground.network import Network
from ground.service import About, Service, content
from ground.settings import Settings

USER = 64002  # of no machine
PORT = 5000


class Registry(Service):
    def __init__(
        self, scope: Construct, settings: Settings, home: Home, networks: list[Network]
    ) -> None:
        about = About(
            image=settings.images.registry,
            user=USER,
            memory_mb=settings.memory_mb.registry,
            entrypoint=["registry", "serve", "/ground/registry.yml"],
            health=["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{PORT}/"],
            networks={"registry": networks},
            files={"registry.yml": content("registry.yml")},
            secrets={"htpasswd": home.passwords / "registry-users"},
            data="/data",
        )
        super().__init__(scope, "registry", settings.name, about)
