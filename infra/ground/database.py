"""Postgres: what the tracking server knows, and the predictions of projects."""

from constructs import Construct

from ground.home import Home
from ground.network import Network
from ground.service import About, Service, content
from ground.settings import Settings

USER = 999  # postgres, in the official image and in those of Debian's makers


class Database(Service):
    def __init__(
        self, scope: Construct, settings: Settings, home: Home, networks: list[Network]
    ) -> None:
        files = ("start-database.sh", "pg_hba.conf", "roles.sql")
        about = About(
            image=settings.images.database,
            user=USER,
            memory_mb=settings.memory_mb.database,
            entrypoint=["sh", "/ground/start-database.sh"],
            health=["CMD", "pg_isready", "-q", "-h", "/tmp", "-U", "postgres"],  # noqa: S108
            networks={"database": networks},
            files={name: content(name) for name in files},
            secrets={"database-mlflow": home.passwords / "database-mlflow"},
            data="/data",
            stop="SIGINT",  # it ends without waiting for its clients to go
        )
        super().__init__(scope, "database", settings.name, about)
