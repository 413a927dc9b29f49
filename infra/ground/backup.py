"""Copy what the ground keeps: the database's dump, the store's and the registry's files, passwords.

The dump comes first: what it names is in the store by then, and what is stored later does no harm.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from docker import DockerClient

from ground import engine
from ground.archive import hashes
from ground.engine import asked
from ground.home import Home, write
from ground.settings import Refused, Settings

Told = Callable[[str], None]
KEPT = ("store", "registry")  # those whose data are files
DUMP, MANIFEST, HOME = "database.sql", "manifest.json", ("passwords", "projects")
# Another at each dump: a word against injection, and a salt. It says nothing about what is kept.
VARIES = re.compile(rb"\\(un)?restrict |ALTER ROLE |--")


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


def dump(client: DockerClient, settings: Settings, file: Path) -> str:
    """Write all databases and roles, and return a hash of what they hold.

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
    held = hashlib.sha256()
    with file.open("rb") as opened:
        for line in opened:
            if not VARIES.match(line):
                held.update(line)
    return held.hexdigest()


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
