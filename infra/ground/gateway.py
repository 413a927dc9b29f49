"""Caddy: the only one that is reached from outside. It has a port for each service behind it."""

from constructs import Construct

from ground.home import Home
from ground.network import Network
from ground.service import About, Service
from ground.settings import Settings

USER = 64006  # of no machine
# The service behind each port, and where it says how it is.
BEHIND = {
    "tracking": ("tracking:5000", "/health"),
    "store": ("store:7070", "/health"),
    "registry": ("registry:5000", "/"),
    "prometheus": ("prometheus:9090", "/-/healthy"),
    "alertmanager": ("alertmanager:9093", "/-/healthy"),
}
# MLflow's clients would be told there to fetch artifacts from the store itself, by a name that only
# those on its network know; not told, they ask the server, as they did before there was a choice.
UNTOLD = "/api/3.0/mlflow/server-info"
SIGNED_IN = ("prometheus", "alertmanager")  # they know no users of their own
GREETING, METRICS, HTTPS, FIRST = 8080, 9180, 8443, 8501  # its ports, inside


class Gateway(Service):
    def __init__(
        self, scope: Construct, settings: Settings, home: Home, networks: list[Network]
    ) -> None:
        ports = settings.ports.model_dump()
        published = [(ports["gateway"], GREETING)]
        published += [(ports[name], inside(name)) for name in BEHIND]
        if settings.domain:
            published = [(ports["https"], HTTPS)]
        about = About(
            image=settings.images.gateway,
            user=USER,
            memory_mb=settings.memory_mb.gateway,
            entrypoint=["caddy", "run", "--config", "/ground/Caddyfile"],
            health=["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{GREETING}/"],
            networks={"gateway": networks},
            files={"Caddyfile": caddyfile(settings)},
            secrets={"users": home.passwords / "gateway-users"},
            data="/data",  # certificates
            environment=dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), "/data"),
            ports=tuple(published),
            listen=settings.listen,
            # The official image's file asks for it, and could not be started without.
            rights=("NET_BIND_SERVICE",),
        )
        super().__init__(scope, "gateway", settings.name, about)


def inside(name: str) -> int:
    """The gateway's own port for a service."""
    return FIRST + list(BEHIND).index(name)


def caddyfile(settings: Settings) -> str:
    """Its settings: the same at each call, so that a plan without changes shows none."""
    lines = [
        "{",
        "\tadmin localhost:2019",  # from within its container alone
        "\tservers {\n\t\tmetrics\n\t}",
        "\tlog {\n\t\tlevel ERROR\n\t}",
    ]
    if settings.domain:
        # Nobody asks it in the clear, so nobody is led away from that; and no machine is changed.
        lines += [f"\thttps_port {HTTPS}", "\tauto_https disable_redirects", "\tskip_install_trust"]
    else:
        lines += ["\tauto_https off"]
    lines += ["}", f':{GREETING} {{\n\trespond "ground"\n}}', f":{METRICS} {{\n\tmetrics\n}}"]
    for name in BEHIND:
        lines += [f":{inside(name)} {{", *behind(name), "}"]
        if settings.domain:
            lines += [f"https://{name}.{settings.domain} {{"]
            lines += ["\ttls internal"] if settings.certificates == "internal" else []
            lines += [*behind(name), "}"]
    return "\n".join(lines) + "\n"


def behind(name: str) -> list[str]:
    to, health = BEHIND[name]
    who = ["\tbasicauth {", "\t\timport /ground/users", "\t}"] if name in SIGNED_IN else []
    check = f"\t\thealth_uri {health}\n\t\thealth_interval 2s\n\t\thealth_timeout 5s"
    who += [f"\trespond {UNTOLD} 404"] if name == "tracking" else []
    return [*who, f"\treverse_proxy {to} {{", check, "\t}"]
