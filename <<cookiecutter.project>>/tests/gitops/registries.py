"""Image registries of a test's own: they go down, come up again, and ask who one is."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gitops.targets import hub
from tests.serving.bundles import SECONDS, free_port, until

PROGRAM = "docker-registry"
# Of the password `open-sesame`, for the user `ada`.
HASHED = "$2b$04$Yvug5osP0/3RX2GseYiPL.DTB4e46iC1jrJof2EPa4bgRvilhj1Ui"  # pragma: allowlist secret


def missing() -> str | None:
    """Why there can be none here; None where there can."""
    if shutil.which(PROGRAM):
        return None
    return f"{PROGRAM} is not there: a registry that is stopped is one of ours (apt-get install it)"


@dataclass
class Registry:
    folder: Path
    locked: bool = False  # asks for a name and a password
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def stored(self) -> int:
        """Bytes that it holds, whole or not."""
        found = 0
        for folder, _, names in os.walk(self.folder):  # what goes away meanwhile is passed by
            with contextlib.suppress(FileNotFoundError):
                found += sum(Path(folder, name).stat().st_size for name in names)
        return found

    def up(self) -> None:
        lines = ["version: 0.1", "log: {level: error}", f"http: {{addr: {self.address}}}"]
        lines += [f"storage: {{filesystem: {{rootdirectory: {self.folder}}}}}"]
        if self.locked:
            (self.folder / "users").write_text(f"ada:{HASHED}\n")
            lines.append(f"auth: {{htpasswd: {{realm: test, path: {self.folder}/users}}}}")
        settings = self.folder / "settings.yml"
        settings.write_text("\n".join([*lines, ""]))
        with (self.folder / "log").open("ab") as log:
            words = [PROGRAM, "serve", str(settings)]
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        until(lambda: hub.answers(self.address))

    def down(self) -> None:
        """At once, in the middle of whatever it does."""
        if self.process:
            self.process.kill()
            self.process.wait(SECONDS)


@contextmanager
def registry(folder: Path, *, locked: bool = False) -> Iterator[Registry]:
    folder.mkdir()
    found = Registry(folder, locked)
    found.up()
    try:
        yield found
    finally:
        found.down()
