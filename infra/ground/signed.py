"""Requests to the store, signed as S3's are (AWS Signature Version 4): by the standard library."""

import hashlib
import hmac
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ground.settings import Refused

REGION, SERVICE, KIND = "us-east-1", "s3", "AWS4-HMAC-SHA256"
SECONDS = 30  # for an answer


@dataclass(frozen=True)
class Store:
    """The store, as one of its users sees it."""

    url: str
    user: str
    secret: str

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = {},
        body: bytes = b"",
        headers: Mapping[str, str] = {},
        taken: tuple[int, ...] = (),
    ) -> tuple[int, bytes]:
        """The status and the body of an answer; `taken` are refusals that are one too.

        Raises:
            Refused: it says no, or nothing.
        """
        asked = urllib.parse.urlencode(sorted(query.items()), quote_via=urllib.parse.quote)
        path = urllib.parse.quote(path)
        signed = self.headers(method, path, asked, body, headers)
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}{path}" + (f"?{asked}" if asked else ""),
            data=body or None,
            method=method,
            headers=signed,
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            said = error.read()
            if error.code in taken:
                return error.code, said
            text = said.decode(errors="replace")[:200]
            raise Refused(f"{self.url}: {method} {path}: {error.code} {text}") from None
        except OSError as error:
            raise Refused(f"{self.url}: {getattr(error, 'reason', error)}") from None

    def headers(
        self,
        method: str,
        path: str,
        query: str,
        body: bytes,
        more: Mapping[str, str],
        now: datetime | None = None,
    ) -> dict[str, str]:
        """All headers, with the signature that says who asks, and that nothing was changed."""
        moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        content = hashlib.sha256(body).hexdigest()
        said = {key.lower(): value for key, value in more.items()}
        said |= {"host": urllib.parse.urlsplit(self.url).netloc}
        said |= {"x-amz-date": moment, "x-amz-content-sha256": content}
        names = ";".join(sorted(said))
        lines = "".join(f"{key}:{said[key]}\n" for key in sorted(said))
        canonical = "\n".join([method, path, query, lines, names, content])
        scope = f"{moment[:8]}/{REGION}/{SERVICE}/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self.secret}".encode()
        for part in (moment[:8], REGION, SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, "\n".join([KIND, moment, scope, hashed]).encode(), "sha256")
        credential = f"{KIND} Credential={self.user}/{scope}"
        said["authorization"] = f"{credential},SignedHeaders={names},Signature={signature.hex()}"
        return said

    def have_user(self, name: str, secret: str) -> None:
        """Have somebody who sees the buckets that are theirs, and no other; root asks."""
        fields = {"Access": name, "Secret": secret, "Role": "user"}
        xml = "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())
        body = f"<Account>{xml}<UserID>0</UserID><GroupID>0</GroupID></Account>".encode()
        status, _ = self.ask("PATCH", "/create-user", body=body, taken=(409,))
        if status == 409:
            body = f"<MutableProps><Secret>{secret}</Secret></MutableProps>".encode()
            self.ask("PATCH", "/update-user", {"access": name}, body)

    def have_bucket(self, name: str, owner: str) -> None:
        """Have a bucket of somebody's; root asks."""
        self.ask("PATCH", f"/{name}/create", headers={"x-vgw-owner": owner}, taken=(409,))

    def is_empty(self, bucket: str) -> bool:
        status, said = self.ask(
            "GET", f"/{bucket}", {"list-type": "2", "max-keys": "1"}, taken=(404,)
        )
        return status == 404 or b"<Key>" not in said
