"""The ground as one stack: what it is made of, and what it is told to others."""

from cdktf import LocalBackend, S3Backend, TerraformOutput, TerraformStack
from cdktf_cdktf_provider_docker.provider import DockerProvider
from constructs import Construct

from ground.database import Database
from ground.gateway import Gateway
from ground.home import Home
from ground.network import Network
from ground.observation import Observation
from ground.registry import Registry
from ground.settings import Settings
from ground.store import Store
from ground.tracking import Tracking
from ground.volumes import Volumes

# The first that starts what was stopped: those before removed it, even to make a plan.
PROVIDER = ">= 4.5.0, < 5.0.0"


class Ground(TerraformStack):
    def __init__(self, scope: Construct, settings: Settings, tracking: str, home: Home) -> None:
        super().__init__(scope, "ground")
        DockerProvider(self, "docker")  # whichever DOCKER_HOST names
        self.add_override("terraform.required_providers.docker.version", PROVIDER)
        self.backend(settings, home)
        name = settings.name
        database, store, registry, observed, projects, outside = (
            Network(self, one, name, closed=one != "outside")
            for one in ("database", "store", "registry", "observation", "projects", "outside")
        )
        mlflow = Network(self, "tracking", name)
        observation = Observation(self, settings, observed, [registry, projects])
        services = [
            Database(self, settings, home, [database, projects]),
            Store(self, settings, home, [store]),
            Registry(self, settings, home, [registry]),
            Tracking(self, settings, tracking, home, [mlflow, database, store]),
            observation.prometheus,
            observation.alertmanager,
            Gateway(self, settings, home, [outside, mlflow, store, registry, observed, projects]),
        ]
        Volumes(self, settings, services)
        for key, value in addresses(settings).items():
            TerraformOutput(self, f"output-{key}", value=value).override_logical_id(key)

    def backend(self, settings: Settings, home: Home) -> None:
        """Where the state lies: beside the passwords, or in a bucket that a team reaches."""
        if settings.state is None:
            LocalBackend(self, path=str(home.state))
            return
        bucket = settings.state
        own = bool(bucket.endpoint)  # a store that is not the cloud's has no accounts to ask for
        S3Backend(
            self,
            bucket=bucket.bucket,
            key=f"ground/{settings.name}.tfstate",
            region=bucket.region,
            encrypt=None if own else True,
            skip_credentials_validation=own or None,
            skip_metadata_api_check=own or None,
            skip_region_validation=own or None,
        )
        self.add_override("terraform.backend.s3.use_lockfile", True)
        if own:
            self.add_override("terraform.backend.s3.endpoints", {"s3": bucket.endpoint})
            self.add_override("terraform.backend.s3.use_path_style", True)
            self.add_override("terraform.backend.s3.skip_requesting_account_id", True)


def addresses(settings: Settings) -> dict[str, str]:
    """What others need to know of the ground: its interface."""
    named = {"mlflow": "tracking", "store": "store", "registry": "registry"}
    named |= {one: one for one in ("gateway", "prometheus", "alertmanager")}
    ports = settings.ports.model_dump()
    if settings.domain:
        end = "" if settings.ports.https == 443 else f":{settings.ports.https}"
        found = {key: f"https://{one}.{settings.domain}{end}" for key, one in named.items()}
        found["registry"] = found["registry"].removeprefix("https://")
        del found["gateway"]
    else:
        # A registry on this machine is known as localhost: engines take it without certificates.
        found = {key: f"http://{settings.listen}:{ports[one]}" for key, one in named.items()}
        found["registry"] = f"localhost:{ports['registry']}"
    return found | {
        "name": settings.name,
        "network": f"{settings.name}-projects",
        "database": "database:5432",
        "rules": f"{settings.name}-rules",
    }
