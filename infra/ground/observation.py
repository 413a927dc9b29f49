"""Prometheus asks how all are, and Alertmanager tells who is to know."""

from cdktf_cdktf_provider_docker.volume import Volume
from constructs import Construct

from ground.network import Network
from ground.service import About, Service, content
from ground.settings import LABEL, Settings

PROMETHEUS = 64004  # users of no machine
ALERTMANAGER = 64005


class Observation(Construct):
    def __init__(
        self, scope: Construct, settings: Settings, own: Network, networks: list[Network]
    ) -> None:
        super().__init__(scope, "observation")
        label = [{"label": LABEL, "value": settings.name}]
        # Projects put their rules and their targets here.
        self.rules = Volume(self, "rules", name=f"{settings.name}-rules", labels=label)
        self.alertmanager = Service(
            self,
            "alertmanager",
            settings.name,
            About(
                image=settings.images.alertmanager,
                user=ALERTMANAGER,
                memory_mb=settings.memory_mb.alertmanager,
                entrypoint=[
                    "alertmanager",
                    "--config.file=/ground/alertmanager.yml",
                    "--storage.path=/data",
                    "--cluster.listen-address=",  # it is alone
                ],
                health=healthy(9093),
                networks={"alertmanager": [own]},
                files={"alertmanager.yml": content("alertmanager.yml")},
                data="/data",
            ),
        )
        self.prometheus = Service(
            self,
            "prometheus",
            settings.name,
            About(
                image=settings.images.prometheus,
                user=PROMETHEUS,
                memory_mb=settings.memory_mb.prometheus,
                entrypoint=[
                    "prometheus",
                    "--config.file=/ground/prometheus.yml",
                    "--storage.tsdb.path=/data",
                    f"--storage.tsdb.retention.time={settings.keep.metrics_days}d",
                ],
                health=healthy(9090),
                networks={"prometheus": [own, *networks]},
                files={name: content(name) for name in ("prometheus.yml", "rules.yml")},
                data="/data",
                shared={"/rules": self.rules},
            ),
        )


def healthy(port: int) -> list[str]:
    return ["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port}/-/healthy"]
