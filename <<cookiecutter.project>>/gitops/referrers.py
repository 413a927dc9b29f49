"""Documents attached to an image in its registry: they refer to it, and its digest stays."""

import json
from typing import Any

from gitops.oci import INDEX, MANIFEST, Repository, sha256
from gitops.settings import Refused

EMPTY = "application/vnd.oci.empty.v1+json"
TITLE = "org.opencontainers.image.title"


def attach(repository: Repository, digest: str, kind: str, title: str, content: bytes) -> None:
    """Attach a document of a kind, unless the same one is attached.

    Raises:
        Refused: the registry has no such image, or does not take it.
    """
    subject = repository.manifest(digest)
    if subject is None:
        raise Refused(f"{repository.name}@{digest}: not in the image registry")
    layer = {"mediaType": kind, **repository.blob(content), "annotations": {TITLE: title}}
    config = {"mediaType": EMPTY, **repository.blob(b"{}")}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": config,
        "layers": [layer],
        "subject": {
            "mediaType": subject.kind,
            "digest": digest,
            "size": len(subject.content),
        },
    }
    sealed = encoded(manifest)
    made = sha256(sealed)
    if any(one["digest"] == made for one in listed(repository, digest)):
        return
    answer = repository.put(made, MANIFEST, sealed)
    # A registry that knows referrers says so; for an older one they are listed under a tag.
    if "OCI-Subject" not in answer.headers:
        entry = {
            "mediaType": MANIFEST,
            "artifactType": kind,
            "digest": made,
            "size": len(sealed),
        }
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [*listed(repository, digest), entry],
        }
        repository.put(tag(digest), INDEX, encoded(index))


def attached(repository: Repository, digest: str, kind: str) -> list[bytes]:
    """The documents of a kind that are attached to an image."""
    found = []
    for entry in listed(repository, digest):
        if entry.get("artifactType") != kind:
            continue
        manifest = repository.manifest(entry["digest"])
        if manifest:
            blobs = (layer["digest"] for layer in manifest.json["layers"])
            found += [repository.ask("GET", f"blobs/{blob}").content for blob in blobs]
    return found


def listed(repository: Repository, digest: str) -> list[dict[str, Any]]:
    """What refers to an image, as the registry's index of it says."""
    answer = repository.ask("GET", f"referrers/{digest}", absent=True)
    if answer.ok:
        index = answer.json()
    else:
        tagged = repository.manifest(tag(digest))
        index = tagged.json if tagged else {}
    entries: list[dict[str, Any]] = index.get("manifests", [])
    return entries


def tag(digest: str) -> str:
    """The name that OCI's specification gives the list of an image's referrers."""
    return digest.replace(":", "-")


def encoded(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest, separators=(",", ":")).encode()
