"""What the ground keeps on the machine that made it: passwords, state, what was told last.

Nothing here is for anybody else's eyes: folders are 0700 and files 0600. Passwords are made once,
and used again; they are mounted as files, so terraform knows paths and no content.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ground.settings import Refused, Settings

BYTES = 32  # of a password: nobody guesses 256 bits
MADE = ("database-mlflow", "store-root", "tracking-admin", "tracking-session", "store-mlflow")
ROUNDS = 4  # the fewest of bcrypt, which programs do with every request: 256 bits are not guessed
OBSERVER = "ground"  # who may see Prometheus and Alertmanager


def root() -> Path:
    """Where all grounds of this person are kept."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(os.environ.get("GROUND_HOME") or Path(state) / "ground").absolute()


@dataclass(frozen=True)
class Home:
    path: Path

    @classmethod
    def of(cls, settings: Settings) -> "Home":
        return cls(root() / settings.name)

    @property
    def passwords(self) -> Path:
        return self.path / "passwords"

    @property
    def stack(self) -> Path:
        return self.path / "stack"

    @property
    def state(self) -> Path:
        return self.path / "terraform.tfstate"

    @property
    def outputs(self) -> Path:
        return self.path / "outputs.json"

    @property
    def authority(self) -> Path:
        """The certificate that its own ones are signed with, where no public authority does."""
        return self.path / "authority.crt"

    def trust(self) -> None:
        """Let this process believe its gateway."""
        if self.authority.exists():
            os.environ["SSL_CERT_FILE"] = str(self.authority)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others of this machine out: two would make two passwords of a name.

        Raises:
            Refused: somebody is at work here.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_name(f"{self.path.name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # whoever ends lets go of it
            except BlockingIOError:
                raise Refused(
                    f"{self.path}: another run is at work here: wait until it ends"
                ) from None
            yield

    def project(self, name: str) -> Path:
        return self.path / "projects" / name

    def projects(self) -> list[str]:
        return sorted(path.parent.name for path in self.path.glob("projects/*/env"))

    def secret(self, name: str) -> str:
        """A password by its name; made at the first call."""
        file = self.passwords / name
        if not file.exists():
            write(file, secrets.token_urlsafe(BYTES))
        return file.read_text()

    def is_complete(self) -> bool:
        """Is every password here that what was made with them needs?"""
        return all((self.passwords / name).exists() for name in MADE)

    def put_aside(self) -> None:
        """Begin another state where the last one was being written when its writer was killed."""
        try:
            json.loads(self.state.read_text() or "{}")
        except FileNotFoundError:
            return
        except ValueError:
            self.state.rename(self.state.with_name(f"{self.state.name}.broken"))
            self.state.touch(0o600)

    def prepare(self) -> None:
        """Have every file that a container is given."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        for name in MADE:
            self.secret(name)
        key = self.secret("store-mlflow")
        write(
            self.passwords / "store-credentials",
            f"[default]\naws_access_key_id = mlflow\naws_secret_access_key = {key}\n",
        )
        write(
            self.passwords / "tracking-auth.ini",
            "[mlflow]\ndefault_permission = READ\n"
            "database_uri = postgresql+psycopg2://mlflow@database:5432/mlflow_auth\n"
            f"admin_username = admin\nadmin_password = {self.secret('tracking-admin')}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
        )
        self.admit("registry-users", "admin", self.secret("registry-admin"), ":")
        self.admit("gateway-users", OBSERVER, self.secret("observation"), " ")

    def admit(self, name: str, user: str, password: str, between: str) -> None:
        """Have a line for a user in a file of hashes, which is what programs are shown."""
        import bcrypt  # of the environment that makes grounds, which tests are not in

        file = self.passwords / name
        lines = file.read_text().splitlines() if file.exists() else []
        others = [line for line in lines if not line.startswith(f"{user}{between}")]
        own = next((line for line in lines if line not in others), "")
        if not own or not bcrypt.checkpw(password.encode(), own.split(between, 1)[1].encode()):
            own = user + between + bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()
            write(file, "\n".join([*others, own]) + "\n")

    def remember(self, outputs: dict[str, str]) -> None:
        write(self.outputs, json.dumps(outputs, indent=2) + "\n")

    def recall(self) -> dict[str, str]:
        """What the last `make ground` told.

        Raises:
            Refused: there was none.
        """
        try:
            found: dict[str, str] = json.loads(self.outputs.read_text())
        except FileNotFoundError:
            raise Refused(f"{self.path}: no ground was made here; run `make ground`") from None
        return found


def write(file: Path, content: str) -> None:
    """Write a file that its owner alone reads: all of it or nothing."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    new = file.with_name(f"{file.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError:
        new.unlink(missing_ok=True)
        raise
    new.replace(file)
