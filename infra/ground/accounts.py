"""Who may do what in the services that run: users of the tracking server, roles of the database."""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from docker import DockerClient  # type: ignore[import-untyped]

from ground.engine import asked
from ground.settings import Refused

SECONDS = 60  # for an answer: the tracking server takes one after its start
ADMIN = "admin"


@dataclass(frozen=True)
class Tracking:
    """The tracking server, as one of its users sees it."""

    url: str
    user: str
    password: str

    def ask(self, method: str, path: str, body: Any = None, taken: tuple[int, ...] = ()) -> Any:
        """Its answer; `taken` are refusals that are one too.

        Raises:
            Refused: it says no, or nothing.
        """
        signed = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/api/2.0/mlflow/{path}",
            data=json.dumps(body).encode() if body is not None else None,
            method=method,
            headers={"Authorization": f"Basic {signed}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
                return json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            if error.code in taken:
                return None
            said = error.read().decode(errors="replace")[:200]
            raise Refused(f"{self.url}: {method} {path}: {error.code} {said}") from None
        except OSError as error:
            raise Refused(f"{self.url}: {getattr(error, 'reason', error)}") from None

    def have_user(self, name: str, password: str) -> None:
        """Have a user, who sees what others record and changes what is theirs."""
        account = {"username": name, "password": password}
        if self.ask("GET", f"users/get?username={name}", taken=(404,)) is None:
            self.ask("POST", "users/create", account)
        else:
            self.ask("PATCH", "users/update-password", account)

    def holds(self) -> int:
        """How many experiments there are, the one that always is left out."""
        found = self.ask("POST", "experiments/search", {"max_results": 1000, "view_type": "ALL"})
        return sum(one["experiment_id"] != "0" for one in found.get("experiments", []))


@dataclass(frozen=True)
class Database:
    """The database, asked from inside its container, where its superuser is known by name."""

    client: DockerClient
    ground: str

    def run(self, sql: str, database: str = "postgres") -> str:
        """What statements return. They go through its input: an argument is seen by others.

        Raises:
            Refused: one fails.
        """
        words = ["psql", "-h", "/tmp", "-U", "postgres", "-d", database]  # noqa: S108
        code, said = self.pipe([*words, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"], sql)
        if code:
            # Its own words may repeat a statement, and in that a password.
            raise Refused(f"{self.ground}-database: a statement failed; see its log")
        return said.decode().strip()

    def pipe(self, words: list[str], given: str | bytes) -> tuple[int, bytes]:
        """Run a command in the container, with an input."""
        name, data = f"{self.ground}-database", given.encode() if isinstance(given, str) else given
        with asked(name):
            api = self.client.api
            started = api.exec_create(name, words, stdin=True, stdout=True, stderr=False)
            connection = api.exec_start(started["Id"], socket=True)
            raw = connection._sock  # the library's own way to a socket that can be half closed
            raw.settimeout(SECONDS)
            raw.sendall(data)
            raw.shutdown(1)
            said = b""
            while part := raw.recv(65536):
                said += part
            connection.close()
            return int(api.exec_inspect(started["Id"])["ExitCode"]), frames(said)

    def have_role(self, name: str, password: str) -> None:
        """Have a role that owns a database of its name, and may do nothing else."""
        # Names are those of projects: letters, digits and hyphens; passwords have no quotes.
        self.run(
            "SET log_min_error_statement = panic;\n"  # noqa: S608
            f"SELECT 'CREATE ROLE \"{name}\"' WHERE NOT EXISTS "
            f"(SELECT FROM pg_roles WHERE rolname = '{name}') \\gexec\n"
            f'ALTER ROLE "{name}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION '
            f"PASSWORD '{password}';\n"
            f'SELECT \'CREATE DATABASE "{name}" OWNER "{name}"\' WHERE NOT EXISTS '
            f"(SELECT FROM pg_database WHERE datname = '{name}') \\gexec\n"
            f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC;\n'
        )

    def tables(self, name: str) -> int:
        """How many a project has; none where there is no such database."""
        if not self.run(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):  # noqa: S608
            return 0
        wanted = "SELECT count(*) FROM pg_tables WHERE schemaname NOT LIKE 'pg\\_%' "
        return int(self.run(f"{wanted} AND schemaname <> 'information_schema'", name))


def frames(said: bytes) -> bytes:
    """What a command wrote, without the engine's head of each part: a stream, and a length."""
    found = b""
    while len(said) >= 8:
        length = int.from_bytes(said[4:8], "big")
        found, said = found + said[8 : 8 + length], said[8 + length :]
    return found
