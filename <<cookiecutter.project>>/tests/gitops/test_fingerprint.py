"""Two trees serve the same, or they do not."""

import pytest

from gitops import fingerprint
from tests.gitops.stories import Story


@pytest.mark.parametrize(
    ("path", "same"),
    [
        ("README.md", True),
        ("docs/runbook.md", True),
        ("tests/pipeline/test_features.py", True),
        ("gitops/deploy.py", True),
        ("environments/uat.toml", True),  # another's settings
        ("environments/dev.toml", False),
        ("pipeline/features.py", False),
        ("pipeline/deep/er.py", False),
        ("serving/app.py", False),
        ("requirements/serving.txt", False),
    ],
)
def test_what_counts(settled: Story, path: str, *, same: bool) -> None:
    before = settled.runs("dev")
    settings = (settled.repository.path / "environments/dev.toml").read_text()
    changed = settled.commit(**{path: settings + "# changed\n"})
    after = before.model_copy(update={"commit": changed})
    one, two = (fingerprint.of(settled.repository, each, "dev") for each in (before, after))
    assert (one == two) is same


def test_the_image_counts(settled: Story) -> None:
    """It is the release's own: whoever looks at an environment finds the digest of the record."""
    plain = settled.runs("dev")
    image = plain.model_copy(update={"image": f"r.example/flights@sha256:{'1' * 64}"})
    one, two = (fingerprint.of(settled.repository, each, "dev") for each in (plain, image))
    assert one != two


def test_the_model_counts() -> None:
    blobs = {"serving/app.py": "1" * 40}
    one = fingerprint.combined({"models/model.onnx": "a" * 64}, blobs)
    assert one == fingerprint.combined({"models/model.onnx": "a" * 64}, dict(blobs))
    assert one != fingerprint.combined({"models/model.onnx": "b" * 64}, blobs)
    assert one != fingerprint.combined({"models/other.onnx": "a" * 64}, blobs)


def test_a_file_that_moves_counts() -> None:
    """The same contents under exchanged names are another service."""
    one = fingerprint.combined({}, {"serving/a.py": "1" * 40, "serving/b.py": "2" * 40})
    two = fingerprint.combined({}, {"serving/a.py": "2" * 40, "serving/b.py": "1" * 40})
    assert one != two
