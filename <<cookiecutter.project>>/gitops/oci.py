"""An image registry, asked over HTTP: what a name stands for there, and what is put beside it.

Layers go there by the engine; this reads and writes the small things, as the person who did
`docker login`.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from docker import auth
from docker.errors import DockerException
from oras.auth import AuthenticationException
from oras.auth.token import TokenAuth
from oras.container import Container
from oras.provider import Registry
from requests import Response
from requests.exceptions import RequestException

from gitops.settings import Refused

SECONDS = 20  # for an answer: manifests are small
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")  # where engines speak http too
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKERS = "application/vnd.docker.distribution.manifest.v2+json"
KINDS = (MANIFEST, DOCKERS, INDEX)


@dataclass(frozen=True)
class Manifest:
    """What a name stands for in a registry."""

    digest: str
    kind: str  # its media type
    content: bytes
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Repository:
    """One repository of a registry: `host[:port]/path`, without a tag."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.place = Container(name)
        self.host = str(self.place.registry)
        plain = self.host.partition(":")[0] in LOOPBACK
        self.scheme = "http" if plain else "https"
        self.client = self.connected(plain)

    def connected(self, plain: bool) -> Registry:
        client = Registry(insecure=plain)
        limited(client, plain)
        asks = self.sent(client, "GET", f"{self.scheme}://{self.host}/v2/", login=False)
        if asks.headers.get("Www-Authenticate", "").lower().startswith("basic"):
            client = Registry(insecure=plain, auth_backend="basic")
            limited(client, plain)
        if login := self.login():
            client.auth.set_basic_auth(*login)
        return client

    def login(self) -> tuple[str, str] | None:
        """Name and password of `docker login`, where the engine's client looks for them too."""
        try:
            found = auth.load_config().resolve_authconfig(self.host) or {}
        except DockerException as error:
            raise Refused(
                f"{self.host}: no login can be read: {error}; see DOCKER_CONFIG"
            ) from None
        said = {key.lower(): value for key, value in found.items()}
        return (said["username"], said["password"]) if said.get("username") else None

    def find(self, reference: str) -> Manifest | None:
        """What a tag or digest stands for, with its labels; None where there is none.

        Raises:
            Refused: the registry does not answer, or lets nobody in, or what it holds is no image.
        """
        found = self.manifest(reference)
        if found is None or found.kind == INDEX:
            return found
        try:
            config = self.ask("GET", f"blobs/{found.json['config']['digest']}").json()
            labels = (config.get("config") or {}).get("Labels") or {}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused(f"{self.name}:{reference}: no image; see who pushed it") from None
        return Manifest(found.digest, found.kind, found.content, labels)

    def manifest(self, reference: str) -> Manifest | None:
        headers = {"Accept": ", ".join(KINDS)}
        answer = self.ask("GET", f"manifests/{reference}", headers=headers, absent=True)
        if answer.status_code == 404:
            return None
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        return Manifest(sha256(answer.content), kind, answer.content)

    def put(self, reference: str, kind: str, content: bytes) -> Response:
        """Let a tag or digest stand for a manifest, whose blobs are there."""
        headers = {"Content-Type": kind}
        return self.ask("PUT", f"manifests/{reference}", headers=headers, data=content)

    def blob(self, content: bytes) -> dict[str, Any]:
        """Put a blob there, and describe it."""
        digest = sha256(content)
        if self.ask("HEAD", f"blobs/{digest}", absent=True).status_code == 404:
            begun = self.ask("POST", "blobs/uploads/").headers.get("Location", "")
            if begun.startswith("/"):
                begun = f"{self.scheme}://{self.host}{begun}"
            joined = f"{begun}{'&' if '?' in begun else '?'}digest={digest}"
            headers = {"Content-Type": "application/octet-stream"}
            self.ask("PUT", joined, headers=headers, data=content)
        return {"digest": digest, "size": len(content)}

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        absent: bool = False,
    ) -> Response:
        """Ask the registry; with `absent`, "there is none" is an answer too."""
        url = path
        if "://" not in path:
            url = f"{self.scheme}://{self.host}/v2/{self.place.api_prefix}/{path}"
        answer = self.sent(self.client, method, url, headers, data)
        if answer.ok or (absent and answer.status_code == 404):
            return answer
        if answer.status_code in (401, 403):
            raise Refused(self.closed())
        raise Refused(
            f"{self.name}: the image registry answers {answer.status_code} to {method} "
            f"{url.partition('?')[0]}; see its log"
        )

    def sent(
        self,
        client: Registry,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        *,
        login: bool = True,
    ) -> Response:
        try:
            if not login:
                anonymous: Response = client.session.request(method, url)
                return anonymous
            if isinstance(client.auth, TokenAuth):
                client.auth.token = None  # a token is for reading, or for writing
            # The library's own would go on for two minutes where nothing answers.
            once = Registry.do_request.__wrapped__
            answer: Response = once(client, url, method, data, dict(headers or {}))
        except RequestException as error:
            raise Refused(
                f"{self.host}: the image registry does not answer ({type(error).__name__}); start "
                "it, or correct image_repository in pyproject.toml (IMAGE_REPOSITORY overrides it)"
            ) from None
        except (AuthenticationException, ValueError, AttributeError):  # it has no login to show
            raise Refused(self.closed()) from None
        return answer

    def closed(self) -> str:
        return (
            f"{self.name}: the image registry lets nobody in without a login, or not this one: "
            f"`docker login {self.host}` as one who may push there, then run this again"
        )


def limited(client: Registry, plain: bool) -> None:
    """Wait for no answer for ever; and ask this machine itself, whatever proxies there are."""
    client.session.trust_env = not plain
    client.session.request = functools.partial(client.session.request, timeout=SECONDS)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
