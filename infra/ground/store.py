"""The object store: versitygw, whose objects are files on a volume."""

from constructs import Construct

from ground.home import Home
from ground.network import Network
from ground.service import About, Service, content
from ground.settings import Settings

USER = 64001  # of no machine
PORT = 7070


class Store(Service):
    def __init__(
        self, scope: Construct, settings: Settings, home: Home, networks: list[Network]
    ) -> None:
        about = About(
            image=settings.images.store,
            user=USER,
            memory_mb=settings.memory_mb.store,
            entrypoint=["sh", "/ground/start-store.sh"],
            health=["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{PORT}/health"],
            networks={"store": networks},
            files={"start-store.sh": content("start-store.sh")},
            secrets={"store-root": home.passwords / "store-root"},
            data="/data",
        )
        super().__init__(scope, "store", settings.name, about)
