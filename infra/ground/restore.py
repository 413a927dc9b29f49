"""Bring a backup back on an engine that holds no such ground, and compare every hash."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docker import DockerClient  # type: ignore[import-untyped]

from ground import engine, health
from ground.accounts import Database
from ground.archive import hashes
from ground.backup import DUMP, HOME, KEPT, MANIFEST, archived, digest, dump, save
from ground.engine import asked
from ground.home import Home
from ground.settings import Refused, Settings
from ground.up import up

Told = Callable[[str], None]
RESTED = ("gateway", "tracking", "registry", "store")  # nobody writes meanwhile


def restore(settings: Settings, file: Path, home: Home, source: Path, told: Told) -> int:
    """Make the ground, fill it, compare it with the backup, and let it serve.

    Raises:
        Refused: the backup is broken, there is such a ground, or a hash differs.
    """
    about = checked(source)
    client = engine.connect()
    if home.path.exists() or engine.things(client, settings.name):
        raise Refused(f"{settings.name}: there is one already; `make ground-destroy` removes it")
    for name in HOME:
        if (source / name).is_dir():
            shutil.copytree(source / name, home.path / name)
    up(settings, file, home, told)
    for name in RESTED:
        with asked(name):
            client.containers.get(f"{settings.name}-{name}").stop(timeout=30)
    for name in KEPT:
        with asked(name), (source / f"{name}.tar").open("rb") as opened:
            client.containers.get(f"{settings.name}-{name}").put_archive("/data", opened)
        told(f"restored: the {name}")
    refill(client, settings, (source / DUMP).read_bytes())
    told("restored: the database")
    compare(client, settings, about)
    told("compared: all is as it was")
    for name in reversed(RESTED):
        with asked(name):
            client.containers.get(f"{settings.name}-{name}").start()
    health.wait(client, settings.name, told)
    health.answers(home.recall())
    return sum(len(about[name]) for name in KEPT)


def checked(source: Path) -> dict[str, Any]:
    """What a backup says of itself, if it is whole.

    Raises:
        Refused: it is not.
    """
    try:
        about: dict[str, Any] = json.loads((source / MANIFEST).read_text())
        wrong = [name for name, said in about["files"].items() if digest(source / name) != said]
    except (OSError, ValueError, KeyError) as error:
        raise Refused(f"{source}: is no backup: {error}; name another with FROM=") from None
    if wrong:
        raise Refused(f"{source / wrong[0]}: is not as it was written; take another backup")
    return about


def refill(client: DockerClient, settings: Settings, dumped: bytes) -> None:
    """Put back all databases and roles, in the place of those that were just made."""
    database = Database(client, settings.name)
    database.run("DROP DATABASE mlflow;\nDROP DATABASE mlflow_auth;\nDROP ROLE mlflow;\n")
    # The superuser is there, and stays.
    kept = dumped.replace(b"\nCREATE ROLE postgres;\n", b"\n", 1)
    words = ["psql", "-h", "/tmp", "-U", "postgres", "-d", "postgres"]  # noqa: S108
    code, _ = database.pipe([*words, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"], kept)
    if code:
        raise Refused(f"{settings.name}-database: the dump can't be read back; see its log")


def compare(client: DockerClient, settings: Settings, about: dict[str, Any]) -> None:
    """Hash what is there now.

    Raises:
        Refused: something differs from the backup.
    """
    with tempfile.TemporaryDirectory() as folder:
        differ(settings, "database", about["rows"], dump(client, settings, Path(folder) / DUMP))
        for name in KEPT:
            file = Path(folder) / f"{name}.tar"
            save(file, archived(client, settings, name))
            with file.open("rb") as opened:
                differ(settings, name, about[name], hashes(opened))


def differ(settings: Settings, name: str, said: dict[str, str], found: dict[str, str]) -> None:
    """Refused, where something is not as the backup says."""
    if other := [one for one, digest in said.items() if found.get(one) != digest]:
        raise Refused(f"{settings.name}-{name}: {len(other)} differ, among them {other[0]}")
