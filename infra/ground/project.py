"""What one project is given: its bucket and key, its users, its role in the database."""

import base64
import json
import re
import secrets
import shlex

from docker import DockerClient  # type: ignore[import-untyped]

from ground.accounts import ADMIN, Database, Tracking
from ground.engine import asked, container
from ground.home import BYTES, Home, write
from ground.settings import Refused
from ground.signed import REGION, Store

NAME = re.compile(r"[a-z][a-z0-9-]{2,29}")  # what a bucket, a role and a repository may be called
TAKEN = (
    "mlflow",
    "admin",
    "root",
    "postgres",
    "health",
    "metrics",
    "ground",
)  # names of the ground's own


def have(client: DockerClient, home: Home, name: str) -> str:
    """Make what is not there, and return the path of the file that a project reads.

    Raises:
        Refused: the name can't be one, or a service does not answer.
    """
    if not NAME.fullmatch(name) or name in TAKEN:
        raise Refused(
            f"NAME={name}: must be 3 to 30 lower-case letters, digits and hyphens, begin with a "
            f"letter, and be none of {', '.join(TAKEN)}"
        )
    outputs, folder = home.recall(), home.project(name)
    keys = {one: kept(home, name, one) for one in ("store", "tracking", "registry", "database")}
    store = Store(outputs["store"], "root", home.secret("store-root"))
    # Workflows mask what a secret says wherever it is printed, and the key counts as one.
    key = f"{name}-data"
    store.have_user(key, keys["store"])
    store.have_bucket(name, key)
    admin = Tracking(outputs["mlflow"], ADMIN, home.secret("tracking-admin"))
    admin.have_user(name, keys["tracking"])
    home.admit("registry-users", name, keys["registry"], ":")
    hand_over(client, outputs["name"], home)
    Database(client, outputs["name"]).have_role(name, keys["database"])
    signed = base64.b64encode(f"{name}:{keys['registry']}".encode()).decode()
    auths = {"auths": {outputs["registry"]: {"auth": signed}}}
    write(folder / "docker/config.json", json.dumps(auths) + "\n")
    said = {
        "MLFLOW_TRACKING_URI": outputs["mlflow"],
        "MLFLOW_TRACKING_USERNAME": name,
        "MLFLOW_TRACKING_PASSWORD": keys["tracking"],
        "AWS_ENDPOINT_URL": outputs["store"],
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": keys["store"],
        "DATA_STORE": f"s3://{name}",
        "IMAGE_REPOSITORY": f"{outputs['registry']}/{name}",
        "DOCKER_CONFIG": str(folder / "docker"),
        "PREDICTION_LOG_URL": f"postgresql://{name}:{keys['database']}@{outputs['database']}/{name}",
        "GROUND_NETWORK": outputs["network"],
        "GROUND_RULES": outputs["rules"],
    }
    if home.authority.exists():
        believed = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
        said |= dict.fromkeys(believed, str(home.authority))
    lines = [f"export {key}={shlex.quote(value)}" for key, value in said.items()]
    write(folder / "env", "\n".join(lines) + "\n")
    return str(folder / "env")


def kept(home: Home, name: str, service: str) -> str:
    """A project's password for a service; made at the first call."""
    file = home.project(name) / "passwords" / service
    if not file.exists():
        write(file, secrets.token_urlsafe(BYTES))
    return file.read_text()


def hand_over(client: DockerClient, ground: str, home: Home) -> None:
    """Show the registry who its users are now: it reads the file again when that is newer."""
    registry, words = (
        container(client, f"{ground}-registry"),
        container(client, f"{ground}-volumes"),
    )
    if registry is None or words is None:
        raise Refused(f"{ground}-registry: does not run; run `make ground`")
    from ground.archive import packed

    content = (home.passwords / "registry-users").read_bytes()
    owner = int(str(registry.attrs["Config"]["User"]).split(":")[0])
    with asked(registry.name):
        # Through the one that may: the registry itself can't write what it reads.
        words.put_archive("/registry/ground", packed({"htpasswd": content}, owner))


def stored(client: DockerClient, home: Home) -> list[str]:
    """What projects keep here: whoever destroys the ground destroys it too.

    Raises:
        Refused: a service does not answer, so nobody knows.
    """
    outputs = home.recall()
    root = Store(outputs["store"], "root", home.secret("store-root"))
    admin = Tracking(outputs["mlflow"], ADMIN, home.secret("tracking-admin"))
    database = Database(client, outputs["name"])
    found = [
        f"objects in the bucket {name}"
        for name in ("mlflow", *home.projects())
        if not root.is_empty(name)
    ]
    if count := admin.holds():
        found.append(f"{count} experiments")
    found += [f"tables in the database {name}" for name in home.projects() if database.tables(name)]
    images = container(client, f"{outputs['name']}-registry")
    if images is not None:
        folder = "/data/docker/registry/v2/repositories"
        code, said = images.exec_run(["ls", folder])
        found += [f"images in {one}" for one in said.decode().split() if not code]
    return found
