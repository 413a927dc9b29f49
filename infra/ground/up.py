"""Make the ground, or show what would change: from its settings to services that answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from docker import DockerClient  # type: ignore[import-untyped]

from ground import engine, health, orphans, tracking_image
from ground.changes import Change
from ground.home import Home, write
from ground.settings import Refused, Settings
from ground.signed import Store
from ground.synthesis import synthesise
from ground.terraform import Terraform

AUTHORITY = "/data/caddy/pki/authorities/local/root.crt"  # where Caddy keeps its own
Told = Callable[[str], None]


def ready(settings: Settings, home: Home) -> tuple[DockerClient, Terraform, list[Any]]:
    """Whatever can be known before anything is made, and what is there already.

    Raises:
        Refused: something is missing, too old, taken or full.
    """
    terraform = Terraform(home)
    terraform.is_there()
    client = engine.connect()
    if there := engine.things(client, settings.name):
        can_go_on(settings, home)
    engine.ports_are_free(client, settings)
    engine.disks_have_room(client, home.path)
    return client, terraform, there


def can_go_on(settings: Settings, home: Home) -> None:
    """Is here what those who come after its first run need?

    Raises:
        Refused: it is lost, or on another machine.
    """
    away = "or remove all of it with `make ground-destroy FORCE=1`"
    if settings.state is None and not home.state.exists():
        raise Refused(
            f"{home.state}: the state is lost, and what it was about is still there: bring the "
            f"file back, {away}"
        )
    if not home.is_complete():
        raise Refused(
            f"{home.passwords}: the passwords are not here, and what they open is still there: "
            f"bring the folder from the machine that made it, {away}"
        )


def planned(file: Path, home: Home, terraform: Terraform) -> list[Change]:
    """What would be done; the plan is written beside the state."""
    home.prepare()
    home.put_aside()
    synthesise(home, file)
    terraform.init()
    return terraform.plan(home.path / "plan")


def plan(settings: Settings, file: Path, home: Home) -> list[Change]:
    """What `up` would change."""
    _, terraform, _ = ready(settings, home)
    return planned(file, home, terraform)


def up(settings: Settings, file: Path, home: Home, told: Told) -> dict[str, str]:
    """Make it, wait until it is healthy, and return its addresses."""
    client, terraform, there = ready(settings, home)
    images = settings.images.model_dump()
    for name in sorted(set(images) - {"base"}):
        if not engine.have(client, images[name]):
            told(f"pulled: {images[name]}")
    if not tracking_image.have(client, settings):
        told(f"built: {tracking_image.name(settings)}")
    changes = planned(file, home, terraform)
    if orphans.settle(terraform, there, told):
        changes = terraform.plan(home.path / "plan")
    if settings.state is None:
        home.state.touch(0o600)  # killed at its first step, a run has one: none is a lost one
    if changes:
        told(f"planned: {len(changes)} changes")
        terraform.apply(home.path / "plan", told)
    else:
        told("nothing changes")
    health.wait(client, settings.name, told)
    outputs = terraform.outputs()
    if settings.domain and settings.certificates == "internal":
        certificate = engine.file(client, f"{settings.name}-gateway", AUTHORITY)
        write(home.authority, certificate.decode())
    home.trust()
    health.answers(outputs)
    home.remember(outputs)
    store = Store(outputs["store"], "root", home.secret("store-root"))
    store.have_user("mlflow", home.secret("store-mlflow"))
    store.have_bucket("mlflow", "mlflow")
    return outputs


def lines(outputs: dict[str, str], home: Home) -> list[str]:
    """What a person is told: the addresses, and the five lines of a project."""
    width = max(map(len, outputs))
    env = home.project("flights") / "env"
    return [
        "",
        *(f"{key:<{width}}  {value}" for key, value in sorted(outputs.items())),
        "",
        "A project uses it with five lines; its name here is flights:",
        "  make ground-project NAME=flights",
        f"  . '{env}'",
        "  data_store: s3://flights",
        f"  image_repository: {outputs['registry']}/flights",
        '  target = "terraform"  # in environments/*.toml',
    ]
