"""What is attached to an image in its registry."""

import json
from pathlib import Path

import pytest

from gitops import referrers, sbom
from gitops.image import make
from gitops.oci import Repository
from gitops.settings import Refused
from tests.gitops import containers
from tests.gitops.images import about

if reason := containers.missing():
    pytest.skip(reason, allow_module_level=True)


class TestAttached:
    def test_are_listed_beside_the_image_and_in_the_registry(
        self, images_at: str, imaged: Path
    ) -> None:
        digest = make(imaged, about()).partition("@")[2]
        make(imaged, about())
        (attached,) = referrers.attached(Repository(images_at), digest, sbom.KIND)
        assert attached == (imaged / sbom.NAME).read_bytes()
        told = json.loads(attached)
        assert told["bomFormat"] == "CycloneDX"
        assert {"onnxruntime", "numpy"} <= {one["name"] for one in told["components"]}

    def test_of_no_image(self, images_at: str) -> None:
        with pytest.raises(Refused, match="not in the image registry"):
            referrers.attach(
                Repository(images_at), f"sha256:{'0' * 64}", sbom.KIND, sbom.NAME, b"{}"
            )
