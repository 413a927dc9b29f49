"""Copy what the ground keeps: the database's dump, the store's and the registry's files, passwords.

The dump comes first: what it names is in the store by then, and what is stored later does no harm.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from docker import DockerClient  # type: ignore[import-untyped]

from ground import engine
from ground.archive import hashes
from ground.engine import asked
from ground.home import Home, write
from ground.settings import Refused, Settings

Told = Callable[[str], None]
KEPT = ("store", "registry")  # those whose data are files
DUMP, MANIFEST, HOME = "database.sql", "manifest.json", ("passwords", "projects")


def backup(settings: Settings, home: Home, to: Path, told: Told) -> int:
    """Write it all to a folder, and return how many files are kept in store and registry.

    Raises:
        Refused: there is something already, or a service does not run.
    """
    if to.exists() and any(to.iterdir()):
        raise Refused(f"{to}: is not empty; name a new folder with TO=")
    client = engine.connect()
    home.recall()
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    to.chmod(0o700)
    about: dict[str, Any] = {"name": settings.name, "rows": dump(client, settings, to / DUMP)}
    told("dumped: the database")
    for name in KEPT:
        file = to / f"{name}.tar"
        save(file, archived(client, settings, name))
        with file.open("rb") as opened:
            about[name] = hashes(opened)
        told(f"copied: {len(about[name])} files of the {name}")
    for name in HOME:
        if (home.path / name).is_dir():
            shutil.copytree(home.path / name, to / name)
    about["files"] = {one.name: digest(one) for one in (to / DUMP, *to.glob("*.tar"))}
    write(to / MANIFEST, json.dumps(about, indent=1) + "\n")
    return sum(len(about[name]) for name in KEPT)


def dump(client: DockerClient, settings: Settings, file: Path) -> dict[str, str]:
    """Write all databases and roles, and return a hash of each table's rows.

    Raises:
        Refused: the database does not run.
    """
    words = ["pg_dumpall", "-h", "/tmp", "-U", "postgres"]  # noqa: S108
    name = f"{settings.name}-database"
    with asked(name):
        number = client.api.exec_create(name, words, stderr=False)["Id"]
        save(file, client.api.exec_start(number, stream=True))
        if code := client.api.exec_inspect(number)["ExitCode"]:
            raise Refused(f"{name}: pg_dumpall ends with {code}; its log says why")
    with file.open("rb") as opened:
        return rows(opened)


def rows(dumped: Iterable[bytes]) -> dict[str, str]:
    """A hash of each table's rows; other lines are words for the same thing that may vary."""
    database, table, held = "", "", None
    found: dict[str, str] = {}
    for line in dumped:
        if held is not None:
            held.update(line)
            if line == b"\\.\n":
                found[table], held = held.hexdigest(), None
        elif line.startswith(b"\\connect "):
            database = line.split()[1].decode()
        elif line.startswith(b"COPY "):
            table, held = f"{database}: {line.split()[1].decode()}", hashlib.sha256()
    return found


def archived(client: DockerClient, settings: Settings, name: str) -> Iterable[bytes]:
    """The files of a service, as the engine packs them."""
    with asked(f"{settings.name}-{name}"):
        found: Iterable[bytes] = client.containers.get(f"{settings.name}-{name}").get_archive(
            "/data/."
        )[0]
        return found


def save(file: Path, parts: Iterable[bytes]) -> None:
    """Write what comes in parts, for its owner's eyes alone."""
    write(file, "")
    with file.open("wb") as opened:
        for part in parts:
            opened.write(part)


def digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
