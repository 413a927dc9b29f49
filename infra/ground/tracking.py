"""The tracking server: MLflow on Postgres, its artifacts passed on to the store."""

from constructs import Construct

from ground.home import Home
from ground.network import Network
from ground.service import About, Service, content
from ground.settings import LOCAL, Settings

USER = 64003  # of no machine
PORT = 5000
ASK = "import urllib.request as r; r.urlopen('http://127.0.0.1:5000/health', timeout=5)"


class Tracking(Service):
    def __init__(
        self,
        scope: Construct,
        settings: Settings,
        image: str,
        home: Home,
        networks: list[Network],
    ) -> None:
        about = About(
            image=image,
            user=USER,
            memory_mb=settings.memory_mb.tracking,
            entrypoint=["sh", "/ground/start-tracking.sh"],
            health=["CMD", "python", "-c", ASK],
            networks={"tracking": networks},
            files={"start-tracking.sh": content("start-tracking.sh")},
            secrets={
                "database-mlflow": home.passwords / "database-mlflow",
                "tracking-session": home.passwords / "tracking-session",
                "auth.ini": home.passwords / "tracking-auth.ini",
                "store": home.passwords / "store-credentials",
            },
            environment={
                "HOME": "/tmp",  # noqa: S108
                "ALLOWED_HOSTS": ",".join(hosts(settings)),
                "AWS_REGION": "us-east-1",
                "AWS_SHARED_CREDENTIALS_FILE": "/ground/store",
                "MLFLOW_AUTH_CONFIG_PATH": "/ground/auth.ini",
                "MLFLOW_S3_ENDPOINT_URL": "http://store:7070",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # it would write beside the database
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        super().__init__(scope, "tracking", settings.name, about)


def hosts(settings: Settings) -> list[str]:
    """The names under which it is asked, and no other: a page elsewhere can't make up one."""
    port = settings.ports.tracking
    names = [f"localhost:{port}", *(f"{one}:{port}" for one in LOCAL if ":" not in one)]
    names += [f"127.0.0.1:{PORT}", f"tracking:{PORT}", f"gateway:{port}"]
    if settings.domain:
        names += [
            f"tracking.{settings.domain}",
            f"tracking.{settings.domain}:{settings.ports.https}",
        ]
    return names
