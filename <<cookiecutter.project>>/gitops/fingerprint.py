"""What a release serves, as one hash: equal for two trees that differ in documents alone."""

import hashlib
from collections.abc import Mapping

from gitops.git import Repository
from gitops.records import Release

# Everything that the service runs on, beside the model's own files.
SERVED = ("pipeline", "serving", "requirements/serving.txt", "requirements/uv.txt")


def of(repository: Repository, release: Release, environment: str) -> str:
    """sha256 over the model's files, the blobs of service and settings, and the image.

    Two releases never share an image, so where one has any, what runs is always its own.
    """
    paths = (*SERVED, f"environments/{environment}.toml")
    files = {**release.model.files, **({"image": release.image} if release.image else {})}
    return combined(files, repository.entries(release.commit, *paths))


def combined(files: Mapping[str, str], blobs: Mapping[str, str]) -> str:
    lines = [f"{hash_} {path}" for path, hash_ in sorted({**files, **blobs}.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
